{{- define "shoal.ingress" -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels: {{- include "shoal.labels" . | nindent 4 }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .ingress.tlsSecret }}
  tls: [{ hosts: [{{ $.ingress.host | quote }}], secretName: {{ . }} }]
  {{- end }}
  rules:
    - host: {{ required "an ingress needs a host" .ingress.host | quote }}
      http:
        paths: [{ path: /, pathType: Prefix, backend: { service: { name: {{ .root.Release.Name }}-{{ .component }}, port: { name: http } } } }]
{{- end }}
