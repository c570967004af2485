{{/* Where the engine's servers are, for every process that speaks with them: (list root). */}}
{{- define "evoke.environment" -}}
{{- $pulsar := .Values.engine.pulsar -}}
{{- $catalog := .Values.engine.catalog -}}
- { name: EVOKE_ENGINE, value: distributed }
- { name: EVOKE_DATA_DIR, value: /tmp/evoke }
- { name: EVOKE_PULSAR_URL, value: {{ $pulsar.url | quote }} }
- { name: EVOKE_PULSAR_ADMIN_URL, value: {{ $pulsar.adminUrl | quote }} }
- { name: EVOKE_PULSAR_TENANT, value: {{ $pulsar.tenant | quote }} }
- { name: EVOKE_PULSAR_NAMESPACE, value: {{ $pulsar.namespace | quote }} }
- { name: EVOKE_PULSAR_PARTITIONS, value: {{ $pulsar.partitions | quote }} }
{{- with $pulsar.backlogBytes }}
- { name: EVOKE_PULSAR_BACKLOG_BYTES, value: {{ . | int64 | quote }} }
{{- end }}
{{- with $pulsar.tokenSecret }}
{{- if .name }}
- name: EVOKE_PULSAR_TOKEN
  valueFrom: { secretKeyRef: { name: {{ .name }}, key: {{ .key }} } }
{{- end }}
{{- end }}
{{- if $pulsar.caSecret.name }}
- { name: EVOKE_PULSAR_CA_FILE, value: /etc/evoke/pulsar/ca.crt }
{{- end }}
{{ include "evoke.s3Environment" . }}
- { name: EVOKE_CATALOG_URI, value: {{ $catalog.uri | quote }} }
{{- with $catalog.warehouse }}
- { name: EVOKE_CATALOG_WAREHOUSE, value: {{ . | quote }} }
{{- end }}
{{- with $catalog.signing }}
- { name: EVOKE_CATALOG_SIGNING, value: {{ . | quote }} }
{{- end }}
- { name: EVOKE_CATALOG_NAMESPACE, value: {{ $catalog.namespace | quote }} }
{{- with .Values.monitoring.otlpEndpoint }}
- { name: EVOKE_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- if .Values.catalogue }}
- { name: EVOKE_CATALOGUE, value: /etc/evoke/catalogue/models.yaml }
{{- end }}
{{- range $name, $value := .Values.settings }}
- { name: {{ $name }}, value: {{ $value | toString | quote }} }
{{- end }}
{{- end -}}

{{/* Where blobs and weights of buckets lie. */}}
{{- define "evoke.s3Environment" -}}
{{- $s3 := .Values.engine.s3 -}}
- { name: EVOKE_S3_BUCKET, value: {{ $s3.bucket | quote }} }
- { name: EVOKE_S3_REGION, value: {{ $s3.region | quote }} }
{{- with $s3.endpoint }}
- { name: EVOKE_S3_ENDPOINT, value: {{ . | quote }} }
{{- end }}
- { name: EVOKE_S3_PATH_STYLE, value: {{ $s3.pathStyle | quote }} }
- { name: EVOKE_S3_PRESIGNED, value: {{ $s3.presigned | quote }} }
{{- if $s3.credentialsSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ $s3.credentialsSecret }}, key: AWS_ACCESS_KEY_ID } }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ $s3.credentialsSecret }}, key: AWS_SECRET_ACCESS_KEY } }
{{- end }}
{{- end -}}

{{/* Whole Secrets as environment variables, such as those that external-secrets makes. */}}
{{- define "evoke.secretEnvironment" -}}
{{- with .Values.secretEnvironment }}
envFrom:
{{- range . }}
  - secretRef: { name: {{ . }} }
{{- end }}
{{- end }}
{{- end -}}

{{/* Mounts that go with the environment: (list root catalogueName). */}}
{{- define "evoke.mounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if .Values.catalogue }}
- { name: catalogue, mountPath: /etc/evoke/catalogue, readOnly: true }
{{- end }}
{{- if .Values.engine.pulsar.caSecret.name }}
- { name: pulsar-ca, mountPath: /etc/evoke/pulsar, readOnly: true }
{{- end }}
{{- end -}}

{{/* (list root nameOfTheCataloguesConfigMap) */}}
{{- define "evoke.volumes" -}}
{{- $root := index . 0 -}}
- name: tmp
  emptyDir: { sizeLimit: 10Gi }
{{- if $root.Values.catalogue }}
- name: catalogue
  configMap: { name: {{ index . 1 }} }
{{- end }}
{{- with $root.Values.engine.pulsar.caSecret }}
{{- if .name }}
- name: pulsar-ca
  secret: { secretName: {{ .name }}, items: [{ key: {{ .key }}, path: ca.crt }] }
{{- end }}
{{- end }}
{{- end -}}
