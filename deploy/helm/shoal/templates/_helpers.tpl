{{- define "shoal.labels" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "shoal.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "shoal.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "shoal.brokerUrl" -}}
{{- if eq .Values.broker.mode "external" -}}
{{ required "broker.url: the URL of the external broker" .Values.broker.url }}
{{- else -}}
mqtts://{{ .Release.Name }}-broker:8883
{{- end -}}
{{- end }}

{{- define "shoal.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "shoal.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "shoal.environment" -}}
- { name: SHOAL_ORG, value: {{ .root.Values.org | quote }} }
- { name: SHOAL_UNIT, value: {{ .root.Values.unit | quote }} }
- { name: SHOAL_BROKER_URL, value: {{ include "shoal.brokerUrl" .root | quote }} }
- { name: NODE_EXTRA_CA_CERTS, value: /etc/shoal/tls/ca.pem }
- { name: SHOAL_USERNAME, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: username } } }
- { name: SHOAL_PASSWORD, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: password } } }
- { name: OTEL_SERVICE_NAME, value: {{ .component }} }
- { name: OTEL_RESOURCE_ATTRIBUTES, value: "service.namespace={{ .root.Values.org }}/{{ .root.Values.unit }}" }
{{- if .root.Values.observability.prometheus }}
- { name: OTEL_METRICS_EXPORTER, value: prometheus }
- { name: OTEL_EXPORTER_PROMETHEUS_HOST, value: "0.0.0.0" }
{{- end }}
{{- with .root.Values.observability.otlpEndpoint }}
- { name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- end }}

{{- define "shoal.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector: { matchLabels: { app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .component }} } }
{{- end }}
