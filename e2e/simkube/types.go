// Prints what simkube knows of Kubernetes' own types, as JSON: one object per type.
//
// From Go's types: field names, which are pointers, which are left out when empty. From the OpenAPI
// definitions: list types and keys, patch merge keys, enums.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	apps "k8s.io/api/apps/v1"
	authorization "k8s.io/api/authorization/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	storage "k8s.io/api/storage/v1"
	extensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

var roots = []any{
	core.Namespace{}, core.Pod{}, core.Service{}, core.ConfigMap{}, core.Secret{}, core.Endpoints{},
	core.PersistentVolumeClaim{}, core.PersistentVolume{}, core.Node{}, core.Event{}, core.ServiceAccount{},
	apps.StatefulSet{}, apps.ControllerRevision{}, policy.PodDisruptionBudget{}, policy.Eviction{},
	autoscaling.Scale{}, storage.StorageClass{}, coordination.Lease{}, events.Event{},
	rbac.Role{}, rbac.RoleBinding{}, rbac.ClusterRole{}, rbac.ClusterRoleBinding{},
	extensions.CustomResourceDefinition{}, networking.NetworkPolicy{}, discovery.EndpointSlice{},
	core.Binding{}, meta.DeleteOptions{}, meta.Status{},
	authorization.SelfSubjectAccessReview{},
}

var scalars = map[reflect.Type]string{
	reflect.TypeOf(meta.Time{}): "Time", reflect.TypeOf(meta.MicroTime{}): "MicroTime",
	reflect.TypeOf(resource.Quantity{}): "Quantity", reflect.TypeOf(intstr.IntOrString{}): "IntOrString",
	reflect.TypeOf(meta.FieldsV1{}): "any", reflect.TypeOf(runtime.RawExtension{}): "any",
	reflect.TypeOf(extensions.JSON{}): "any", reflect.TypeOf([]byte{}): "bytes",
	reflect.TypeOf(meta.Duration{}): "string", reflect.TypeOf(extensions.JSONSchemaProps{}): "any",
}

var definitions = openapi.GetOpenAPIDefinitions(func(path string) spec.Ref { return spec.MustCreateRef("#/" + path) })
var out = map[string]map[string]map[string]any{}

func short(t reflect.Type) string {
	parts := strings.Split(t.PkgPath(), "/")
	return parts[len(parts)-2] + "." + parts[len(parts)-1] + "." + t.Name()
}

func definition(t reflect.Type) (common.OpenAPIDefinition, bool) {
	d, ok := definitions[t.PkgPath()+"."+t.Name()]
	return d, ok
}

func describe(t reflect.Type, f map[string]any) {
	if name, ok := scalars[t]; ok {
		f["type"] = name
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		describe(t.Elem(), f)
		f["pointer"] = true
	case reflect.Slice:
		describe(t.Elem(), f)
		delete(f, "pointer")
		f["of"] = "list"
	case reflect.Map:
		inner := map[string]any{}
		describe(t.Elem(), inner)
		for k, v := range inner {
			f[k] = v
		}
		if inner["of"] != nil {
			f["of"] = "map of " + inner["of"].(string)
		} else {
			f["of"] = "map"
		}
	case reflect.Struct:
		f["type"] = "#" + short(t)
		walk(t)
	case reflect.String:
		f["type"] = "string"
	case reflect.Bool:
		f["type"] = "bool"
	case reflect.Int32, reflect.Uint8, reflect.Uint32:
		f["type"] = "int32"
	case reflect.Int64, reflect.Int:
		f["type"] = "int64"
	default:
		panic(fmt.Sprint(t, t.Kind()))
	}
}

// number returns the protobuf field number of a field, 0 if it has none.
func number(field reflect.StructField) int {
	parts := strings.Split(field.Tag.Get("protobuf"), ",")
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	return n
}

func fields(t reflect.Type, into map[string]map[string]any, properties map[string]spec.Schema, way []int) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		tag := strings.Split(field.Tag.Get("json"), ",")
		if field.Anonymous && tag[0] == "" {
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			below := way
			if n := number(field); n > 0 {
				below = append(slices.Clone(way), n)
			}
			fields(inner, into, properties, below)
			continue
		}
		if tag[0] == "-" || tag[0] == "" {
			continue
		}
		f := map[string]any{}
		describe(field.Type, f)
		for _, option := range tag[1:] {
			if option == "omitempty" || option == "omitzero" {
				f[option] = true
			}
		}
		if n := number(field); n > 0 {
			f["wire"] = append(slices.Clone(way), n)
		}
		p := properties[tag[0]]
		for from, to := range map[string]string{
			"x-kubernetes-list-type": "list", "x-kubernetes-list-map-keys": "keys", "x-kubernetes-map-type": "map",
			"x-kubernetes-patch-strategy": "patch", "x-kubernetes-patch-merge-key": "merge"} {
			if v, ok := p.Extensions[from]; ok {
				f[to] = v
			}
		}
		if len(p.Enum) > 0 {
			f["enum"] = p.Enum
		}
		if p.Items != nil && p.Items.Schema != nil && len(p.Items.Schema.Enum) > 0 {
			f["enum"] = p.Items.Schema.Enum
		}
		if p.Default != nil && f["type"].(string)[0] != '#' && f["of"] == nil {
			switch d := p.Default.(type) {
			case string:
				if d != "" {
					f["default"] = d
				}
			case map[string]any:
			default:
				if fmt.Sprint(d) != "0" && fmt.Sprint(d) != "false" {
					f["default"] = d
				}
			}
		}
		into[tag[0]] = f
	}
}

func walk(t reflect.Type) {
	name := short(t)
	if _, ok := out[name]; ok {
		return
	}
	into := map[string]map[string]any{}
	out[name] = into
	d, _ := definition(t)
	fields(t, into, d.Schema.Properties, nil)
	facts := map[string]any{}
	if v, ok := d.Schema.Extensions["x-kubernetes-map-type"]; ok {
		facts["map"] = v
	}
	if len(d.Schema.Required) > 0 {
		facts["required"] = d.Schema.Required
	}
	if len(facts) > 0 {
		into[""] = facts
	}
}

func main() {
	for _, root := range roots {
		walk(reflect.TypeOf(root))
	}
	names := []string{}
	for name := range out {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println("{")
	for i, name := range names {
		line, err := json.Marshal(out[name])
		if err != nil {
			panic(err)
		}
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		fmt.Fprintf(os.Stdout, "%q:%s%s\n", name, line, end)
	}
	fmt.Println("}")
}
