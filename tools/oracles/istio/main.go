// The newest Istio's own code as an oracle: one JSON question per line on standard input, one JSON answer per line on standard output.
//
//	{"ask":"admission","text":YAML}                                what istiod's validating webhook says of each document
//	{"ask":"listeners","config":YAML,"objects":YAML,"proxy":{..}}  the filter chains that istiod generates for one proxy
//	{"ask":"injection","text":YAML}                                what the sidecar injector makes of a Deployment
//	{"ask":"image","url":URL,"sha256":HEX}                         what the sidecar agent fetches
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/go-multierror"

	"istio.io/istio/pkg/log"
)

// question holds the fields of every question; each answer reads its own.
type question struct {
	Ask     string `json:"ask"`
	Text    string `json:"text"`
	Config  string `json:"config"`
	Objects string `json:"objects"`
	Proxy   proxy  `json:"proxy"`
	URL     string `json:"url"`
	Sha256  string `json:"sha256"`
}

func answer(q question) (any, error) {
	switch q.Ask {
	case "admission":
		return admission(q.Text)
	case "listeners":
		return listeners(q.Config, q.Objects, q.Proxy)
	case "injection":
		return injection(q.Text)
	case "image":
		return image(q.URL, q.Sha256)
	}
	return nil, fmt.Errorf("no such question: %q", q.Ask)
}

// guarded gives a panic of Istio's code as an error: one bad case must not end the others.
func guarded(q question) (result any, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("panic: %v", thrown)
		}
	}()
	return answer(q)
}

// texts takes an error of several apart.
func texts(err error) []string {
	out := []string{}
	if err == nil {
		return out
	}
	var several *multierror.Error
	if errors.As(err, &several) {
		for _, one := range several.Errors {
			out = append(out, texts(one)...)
		}
		return out
	}
	return append(out, err.Error())
}

func main() {
	// what Istio's code prints must not come between the answers
	answers := os.Stdout
	os.Stdout = os.Stderr
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	_ = log.Configure(options)
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.ErrorLevel)
	}
	out := json.NewEncoder(answers)
	out.SetEscapeHTML(false)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			_ = out.Encode(map[string]any{"failed": err.Error()})
			continue
		}
		result, err := guarded(q)
		if err != nil {
			_ = out.Encode(map[string]any{"failed": err.Error()})
			continue
		}
		_ = out.Encode(map[string]any{"answer": result})
	}
}
