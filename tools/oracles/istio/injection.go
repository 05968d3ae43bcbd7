package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/operator/pkg/render"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/kube/inject"
)

// pod is what of an injected pod has to do with the sidecar's files.
type pod struct {
	Errors   []string             `json:"errors"`
	Warnings []string             `json:"warnings"`
	Volumes  []corev1.Volume      `json:"volumes"`
	Mounts   []corev1.VolumeMount `json:"mounts"`
}

type settings struct {
	templates inject.Templates
	values    inject.ValuesConfig
	mesh      *meshconfig.MeshConfig
}

// installed has the injector's settings of the default installation, from Istio's own charts.
var installed = sync.OnceValues(func() (settings, error) {
	s := settings{}
	// the hub and tag are the image's, which nothing pulls
	sets, _, err := render.GenerateManifest(nil, []string{"profile=minimal", "hub=istio", "tag=oracle"}, false, nil, nil)
	if err != nil {
		return s, err
	}
	for _, set := range sets {
		for _, object := range set.Manifests {
			if object.GetKind() != "ConfigMap" {
				continue
			}
			data, _ := object.Object["data"].(map[string]any)
			text := func(key string) string { one, _ := data[key].(string); return one }
			switch object.GetName() {
			case "istio-sidecar-injector":
				config, err := inject.UnmarshalConfig([]byte(text("config")))
				if err != nil {
					return s, err
				}
				if s.templates, err = inject.ParseTemplates(config.RawTemplates); err != nil {
					return s, err
				}
				if s.values, err = inject.NewValuesConfig(text("values")); err != nil {
					return s, err
				}
			case "istio":
				if s.mesh, err = mesh.ApplyMeshConfig(text("mesh"), mesh.DefaultMeshConfig()); err != nil {
					return s, err
				}
			}
		}
	}
	if s.templates == nil || s.mesh == nil {
		return s, fmt.Errorf("Istio's charts gave no injector settings")
	}
	return s, nil
})

const sidecar = "istio-proxy"

func injection(text string) (*pod, error) {
	s, err := installed()
	if err != nil {
		return nil, err
	}
	p := &pod{Errors: []string{}, Warnings: []string{}, Volumes: []corev1.Volume{}, Mounts: []corev1.VolumeMount{}}
	var out bytes.Buffer
	warn := func(one string) { p.Warnings = append(p.Warnings, one) }
	if err := inject.IntoResourceFile(nil, s.templates, s.values, "default", s.mesh, strings.NewReader(text), &out, warn); err != nil {
		p.Errors = texts(err)
		return p, nil
	}
	var deployment appsv1.Deployment
	if err := yaml.Unmarshal([]byte(strings.Split(out.String(), "\n---\n")[0]), &deployment); err != nil {
		return nil, err
	}
	spec := deployment.Spec.Template.Spec
	p.Volumes = spec.Volumes
	for _, container := range append(spec.InitContainers, spec.Containers...) {
		if container.Name == sidecar {
			p.Mounts = container.VolumeMounts
		}
	}
	return p, nil
}
