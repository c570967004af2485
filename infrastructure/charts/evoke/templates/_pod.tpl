{{/* What all pods have in common; Pod Security "restricted" asks for most of it: (list root account component). */}}
{{- define "evoke.pod" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ include "evoke.fullname" $root }}-{{ index . 1 }}
automountServiceAccountToken: false
# A Service that is called evoke would set EVOKE_PORT otherwise.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "evoke.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* Replicas stay apart where that is possible: (list root component). */}}
{{- define "evoke.spread" -}}
topologySpreadConstraints:
{{- $selector := include "evoke.selector" . }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
{{- end }}
{{- end -}}

{{/* Where pods may run: a dict with nodeSelector and tolerations. */}}
{{- define "evoke.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "evoke.priority" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.priorityClasses.create }}
priorityClassName: {{ include "evoke.fullname" $root }}-{{ index . 1 }}
{{- end }}
{{- end -}}
