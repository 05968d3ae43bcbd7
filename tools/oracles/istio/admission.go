package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
)

// verdict on one document. Checked is false for kinds that are not Istio's.
type verdict struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Checked  bool     `json:"checked"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

func admission(text string) ([]verdict, error) {
	verdicts := []verdict{}
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return verdicts, nil
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(document)) > 0 {
			verdicts = append(verdicts, admit(document))
		}
	}
}

// admit takes the steps of istiod's webhook: a strict parse into the kind's message, then its validation.
func admit(document []byte) verdict {
	v := verdict{Errors: []string{}, Warnings: []string{}}
	fields := map[string]any{}
	if err := yaml.UnmarshalStrict(document, &fields); err != nil {
		v.Errors = texts(err)
		return v
	}
	object := &unstructured.Unstructured{Object: fields}
	v.Kind, v.Name = object.GetKind(), object.GetName()
	kind := object.GroupVersionKind()
	schema, known := collections.Pilot.FindByGroupVersionAliasesKind(config.GroupVersionKind{
		Group: kind.Group, Version: kind.Version, Kind: kind.Kind,
	})
	if !known {
		return v
	}
	v.Checked = true
	spec, err := schema.NewInstance()
	if err == nil {
		text, _ := json.Marshal(fields["spec"])
		err = config.ApplyJSONStrict(spec, string(text))
	}
	if err != nil {
		v.Errors = []string{"cannot parse proto message: " + err.Error()}
		return v
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = "default"
	}
	warnings, err := schema.ValidateConfig(config.Config{
		Meta: config.Meta{
			GroupVersionKind: schema.GroupVersionKind(), Name: object.GetName(), Namespace: namespace,
			Labels: object.GetLabels(), Annotations: object.GetAnnotations(),
		},
		Spec: spec,
	})
	v.Errors, v.Warnings = texts(err), texts(warnings)
	return v
}
