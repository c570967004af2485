{{/* Names and labels. */}}
{{- define "evoke.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a process: (list root "api"). */}}
{{- define "evoke.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "evoke.labels" -}}
{{- $root := index . 0 -}}
{{ include "evoke.selector" . }}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{/* An image of ours: (list root "api"). */}}
{{- define "evoke.image" -}}
{{- $root := index . 0 -}}
{{ $root.Values.image.registry }}/evoke-{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end -}}

{{/* A pool with what it does not say itself taken from workerDefaults: (list root pool), as YAML. */}}
{{- define "evoke.pool" -}}
{{- $root := index . 0 -}}
{{- mustMergeOverwrite (deepCopy $root.Values.workerDefaults) (deepCopy (index . 1)) | toYaml -}}
{{- end -}}

{{/* What the weights on the volume have to be: changes with the catalogue and the links. */}}
{{- define "evoke.weights" -}}
{{- printf "%s%s%s" (toJson .Values.models.pull) .Values.catalogue (.Values.image.tag | default .Chart.AppVersion) | sha256sum | trunc 10 -}}
{{- end -}}

{{- define "evoke.modelsClaim" -}}
{{- .Values.models.volume.existingClaim | default (printf "%s-models" (include "evoke.fullname" .)) -}}
{{- end -}}

{{/* The port of a URL, by its scheme where it names none: (list url). */}}
{{- define "evoke.port" -}}
{{- $port := regexReplaceAll "^.*:([0-9]+)(/.*)?$" . "${1}" -}}
{{- if regexMatch "^[0-9]+$" $port -}}
{{- $port -}}
{{- else -}}
{{- get (dict "https" "443" "http" "80" "pulsar" "6650" "pulsar+ssl" "6651") (splitList ":" . | first) | default "443" -}}
{{- end -}}
{{- end -}}
