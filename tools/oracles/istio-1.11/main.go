// Admission of the Istio of 2021-08-25, as an oracle: one JSON question per line on standard input, one JSON answer per line on
// standard output. {"ask":"admission","text":YAML}
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/go-multierror"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collection"
	"istio.io/istio/pkg/config/schema/collections"
)

type question struct {
	Ask  string `json:"ask"`
	Text string `json:"text"`
}

// verdict on one document. Checked is false for kinds that are not Istio's.
type verdict struct {
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Checked  bool     `json:"checked"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

// texts takes an error of several apart.
func texts(err error) []string {
	out := []string{}
	if err == nil {
		return out
	}
	if several, ok := err.(*multierror.Error); ok {
		for _, one := range several.Errors {
			out = append(out, texts(one)...)
		}
		return out
	}
	return append(out, err.Error())
}

func find(group, kind string) (collection.Schema, bool) {
	for _, schema := range collections.Pilot.All() {
		if schema.Resource().Kind() == kind && schema.Resource().Group() == group {
			return schema, true
		}
	}
	return nil, false
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

func admit(document []byte) verdict {
	v := verdict{Errors: []string{}, Warnings: []string{}}
	fields := map[string]interface{}{}
	if err := yaml.UnmarshalStrict(document, &fields); err != nil {
		v.Errors = texts(err)
		return v
	}
	object := &unstructured.Unstructured{Object: fields}
	v.Kind, v.Name = object.GetKind(), object.GetName()
	schema, known := find(object.GroupVersionKind().Group, v.Kind)
	if !known {
		return v
	}
	v.Checked = true
	text, _ := json.Marshal(fields["spec"])
	spec, err := crd.FromJSON(schema, string(text))
	if err != nil {
		v.Errors = []string{"cannot parse proto message: " + err.Error()}
		return v
	}
	warnings, err := schema.Resource().ValidateConfig(config.Config{
		Meta: config.Meta{GroupVersionKind: schema.Resource().GroupVersionKind(), Name: object.GetName(), Namespace: "default"},
		Spec: spec,
	})
	v.Errors = texts(err)
	if warnings != nil {
		v.Warnings = texts(warnings)
	}
	return v
}

// answer gives a panic of Istio's code as an error: one bad case must not end the others.
func answer(line []byte) (result map[string]interface{}) {
	defer func() {
		if thrown := recover(); thrown != nil {
			result = map[string]interface{}{"failed": fmt.Sprint(thrown)}
		}
	}()
	var q question
	if err := json.Unmarshal(line, &q); err != nil {
		return map[string]interface{}{"failed": err.Error()}
	}
	if q.Ask != "admission" {
		return map[string]interface{}{"failed": "no such question: " + q.Ask}
	}
	verdicts, err := admission(q.Text)
	if err != nil {
		return map[string]interface{}{"failed": err.Error()}
	}
	return map[string]interface{}{"answer": verdicts}
}

func main() {
	// what Istio's code prints must not come between the answers
	answers := os.Stdout
	os.Stdout = os.Stderr
	out := json.NewEncoder(answers)
	out.SetEscapeHTML(false)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		_ = out.Encode(answer(line))
	}
}
