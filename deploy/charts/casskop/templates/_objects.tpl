{{/*
The objects in one of the manifests that `kubectl apply -k manifests` installs, placed in the namespace of
the release. What is of the cluster as a whole carries that namespace in its name.
*/}}
{{- define "casskop.objects" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- range $text := splitList "\n---\n" (.root.Files.Get .file) }}
{{- $obj := fromYaml $text }}
{{- if and $.everywhere (has $obj.kind (list "Role" "RoleBinding")) }}
{{- $_ := set $obj "kind" (printf "Cluster%s" $obj.kind) }}
{{- $_ := set $obj.metadata "name" (printf "%s-everywhere" $obj.metadata.name) }}
{{- end }}
{{- if hasPrefix "Cluster" $obj.kind }}
{{- $_ := set $obj.metadata "name" (printf "%s-%s" $obj.metadata.name $namespace) }}
{{- else }}
{{- $_ := set $obj.metadata "namespace" $namespace }}
{{- end }}
{{- if $obj.roleRef }}
{{- if hasPrefix "Cluster" $obj.kind }}
{{- $_ := set $obj.roleRef "kind" "ClusterRole" }}
{{- $_ := set $obj.roleRef "name" $obj.metadata.name }}
{{- end }}
{{- range $obj.subjects }}
{{- $_ := set . "namespace" $namespace }}
{{- end }}
{{- end }}
---
{{ toYaml $obj }}
{{- end }}
{{- end }}
