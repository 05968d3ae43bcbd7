import { field } from "../../manifest/wasm-filters.js";
import { namespaceOf, nameOfObject, objectAt, textAt } from "../context.js";
import type { LintContext, PluginPlace } from "../context.js";
import { isHashed } from "../hashed.js";
import { exposedBy, keysOf, mountsOf, normalised, templateAnnotations } from "../mounts.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";
import { inSameNamespace, workloadsOf } from "../workloads.js";

interface FilePlace extends PluginPlace {
  readonly filename: string;
  readonly filePath: readonly (string | number)[];
}

/** Plugins that read their module from a file. */
function filePlaces(context: LintContext): FilePlace[] {
  return context.plugins.flatMap((plugin) => {
    const local = field(field(field(plugin.config, "vm_config"), "code"), "local");
    const filename = field(local, "filename");
    if (typeof filename !== "string" || filename === "") return [];
    const vm = Object.hasOwn(plugin.config, "vmConfig") ? "vmConfig" : "vm_config";
    return [{ ...plugin, filename, filePath: [...plugin.configPath, vm, "code", "local", "filename"] }];
  });
}

const configMapNames = (context: LintContext): (string | undefined)[] => context.of("ConfigMap").map(nameOfObject);

export const acrossRules: readonly Rule[] = [
  {
    id: "M-X1",
    severity: "error",
    title: "The file of the module is one that the proxy's mounts have",
    why: 'The proxy reports "Invalid path" and rejects the listener; new pods never become ready.',
    fix: "Let filename be the mountPath, a slash and the key of the ConfigMap.",
    *check(context) {
      for (const { document, filename, filePath } of filePlaces(context)) {
        if (document.kind !== "EnvoyFilter" || !filename.startsWith("/")) continue;
        const exposed = exposedBy(context, workloadsOf(context, document));
        const wanted = normalised(filename);
        if (exposed.length === 0) {
          const maps = context.of("ConfigMap").filter((one) => inSameNamespace(one, document));
          const keys = maps.flatMap(keysOf);
          const name = wanted.slice(wanted.lastIndexOf("/") + 1);
          if (!keys.some((key) => key.endsWith(".wasm")) || keys.includes(name)) continue;
          yield draft(document, filePath, `no ConfigMap given has the key ${shown(name)}; there is ${keys.join(", ")}`);
          continue;
        }
        const holds = exposed.some(({ mount, files }) => {
          if (files !== undefined) return files.includes(wanted);
          const path = normalised(mount.mountPath ?? "");
          return mount.mountPath !== undefined && (wanted.startsWith(`${path}/`) || wanted === path);
        });
        if (holds) continue;
        const there = exposed.map(({ mount, files }) => {
          const what =
            files === undefined ? `something under ${shown(mount.mountPath)}` : files.join(", ") || "nothing";
          return `volume ${mount.name ?? "?"} exposes ${what}`;
        });
        yield draft(
          document,
          filePath,
          `filename ${filename} is not provided by any mount: ${there.join("; ")}. The proxy would report "Invalid path"`,
        );
      }
    },
  },
  {
    id: "M-X2",
    severity: "error",
    title: "ConfigMap, Deployment and EnvoyFilter are in one namespace",
    why: "Pods cannot mount across namespaces, and an EnvoyFilter outside the root namespace sees its own only.",
    fix: "Give all of them the namespace of the pods.",
    *check(context) {
      const deployments = context.of("Deployment").filter((one) => namespaceOf(one) !== undefined);
      const spaces = new Set(deployments.map(namespaceOf));
      if (deployments.length === 0) return;
      const names = deployments
        .map((one) => `deployment/${nameOfObject(one) ?? "?"} is in "${namespaceOf(one)}"`)
        .join(", ");
      const used = new Set(
        mountsOf(context).flatMap(({ volumes }) => volumes.map(({ value }) => textAt(value, ["configMap", "name"]))),
      );
      for (const document of context.of("ConfigMap", "EnvoyFilter")) {
        const namespace = namespaceOf(document);
        if (namespace === undefined || spaces.has(namespace)) continue;
        const isMap = document.kind === "ConfigMap";
        if (isMap ? !used.has(nameOfObject(document)) : namespace === context.rootNamespace) continue;
        const why = isMap ? "pods cannot mount across namespaces" : "the filter would apply to nothing";
        yield draft(document, ["metadata", "namespace"], `${document.kind} is in "${namespace}" but ${names}; ${why}`);
      }
    },
  },
  {
    id: "M-X3",
    severity: "error",
    title: "The volume names the ConfigMap given",
    why: "A pod whose ConfigMap is missing stays in ContainerCreating.",
    fix: "Use the name of the ConfigMap.",
    *check(context) {
      const names = configMapNames(context);
      const modules = context
        .of("ConfigMap")
        .filter(({ value }) => Object.keys(objectAt(value, ["binaryData"])).some((key) => key.endsWith(".wasm")));
      if (modules.length === 0) return;
      for (const { document, volumes } of mountsOf(context)) {
        for (const { path, value, origin } of volumes) {
          const name = textAt(value, ["configMap", "name"]);
          if (origin !== "annotation" || name === undefined || names.includes(name)) continue;
          const there = modules.map((one) => shown(nameOfObject(one))).join(", ");
          yield draft(document, path, `volume refers to ConfigMap ${shown(name)}; the one given is ${there}`);
        }
      }
    },
  },
  {
    id: "M-X4",
    severity: "error",
    title: "filename is absolute, and not under /dev, /proc or /sys",
    why: "Envoy refuses those; a relative path is read from its working directory (a warning).",
    fix: "Write the absolute path in the proxy's container.",
    *check(context) {
      for (const { document, filename, filePath } of filePlaces(context)) {
        if (!filename.startsWith("/")) {
          yield draft(document, filePath, `filename ${shown(filename)} must be an absolute path`, {
            severity: "warning",
          });
        } else if (/^\/(dev|proc|sys)(\/|$)/.test(normalised(filename))) {
          yield draft(document, filePath, `Envoy refuses files under /dev, /proc and /sys: Invalid path: ${filename}`);
        }
      }
    },
  },
  {
    id: "M-X5",
    severity: "warning",
    title: "A new module has a new name, or makes the pods restart",
    why: "Envoy reads the file once: updating the ConfigMap alone does not reload the filter.",
    fix: "Put part of the sha256 into the names, or an annotation …/wasm-sha256 on the pod template.",
    *check(context) {
      const stamped = context
        .of("Deployment")
        .some(({ value }) => Object.keys(objectAt(value, templateAnnotations)).some((key) => key.endsWith("sha256")));
      if (stamped) return;
      for (const document of context.of("ConfigMap")) {
        const name = nameOfObject(document) ?? "";
        const keys = Object.keys(objectAt(document.value, ["binaryData"])).filter((key) => key.endsWith(".wasm"));
        if (keys.length === 0 || isHashed(name)) continue;
        const message = `updating ConfigMap "${name}" alone will not reload the filter: restart the pods, or use names with a hash`;
        yield draft(document, ["metadata", "name"], message);
      }
    },
  },
  {
    id: "M-X6",
    severity: "information",
    title: "The order in which the files are applied",
    why: "An EnvoyFilter before the file makes running sidecars reject the listener and new pods stay unready.",
    fix: "1 ConfigMap, 2 Deployment, 3 wait for the rollout, 4 EnvoyFilter.",
    *check(context) {
      const first = context
        .of("EnvoyFilter")
        .find((one) => filePlaces(context).some((place) => place.document === one));
      if (first === undefined || context.of("ConfigMap").length === 0) return;
      yield draft(first, ["kind"], "apply: 1 ConfigMap, 2 Deployment, 3 wait for the rollout, 4 EnvoyFilter");
    },
  },
];
