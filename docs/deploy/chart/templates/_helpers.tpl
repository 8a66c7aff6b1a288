{{- /* Every string goes through toJson: a schedule, a tag of digits or an argument with `: ` in it stay what they are. */ -}}

{{- define "nsfix.image" -}}
{{- $tag := .Values.image.tag -}}
{{- if not (or $tag .Values.image.digest) }}{{ $tag = .Chart.AppVersion }}{{ end -}}
{{- $image := .Values.image.repository -}}
{{- with $tag }}{{ $image = printf "%s:%s" $image . }}{{ end -}}
{{- with .Values.image.digest }}{{ $image = printf "%s@%s" $image . }}{{ end -}}
{{- toJson $image -}}
{{- end -}}

{{- /* What follows a job's own arguments. */ -}}
{{- define "nsfix.moreArgs" -}}
{{- $arguments := list -}}
{{- with .root.Values.clusterName }}{{ $arguments = append $arguments (printf "--cluster-name=%s" .) }}{{ end -}}
{{- range concat $arguments .extra }}
- {{ toJson . }}
{{- end -}}
{{- end -}}

{{- /* Which nodes a pod goes to, and how its image is got. */ -}}
{{- define "nsfix.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "nsfix.claim" -}}
{{- .Values.clean.backups.existingClaim | default "nsfix-backups" | toJson -}}
{{- end -}}
