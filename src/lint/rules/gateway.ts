import { isObject, valueAt } from "../../manifest/documents.js";
import type { JsonObject, ManifestDocument, Path } from "../../manifest/documents.js";
import { listAt, textAt } from "../context.js";
import type { LintContext } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, replaceValue, shown } from "../rule.js";

const kinds = ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute", "TLSRoute"];
const mostPlugins = 16;

interface Entry {
  readonly document: ManifestDocument;
  readonly path: Path;
  readonly value: JsonObject;
}

const entries = (context: LintContext): Entry[] =>
  context
    .of("EnvoyExtensionPolicy")
    .flatMap((document) =>
      listAt(document.value, ["spec", "wasm"]).flatMap((value, index) =>
        isObject(value) ? [{ document, path: ["spec", "wasm", index], value }] : [],
      ),
    );

export const gatewayRules: readonly Rule[] = [
  {
    id: "M-G1",
    severity: "error",
    title: "The policy has a target and at most 16 plugins, each with code of its type",
    why: "Envoy Gateway does not accept the policy.",
    fix: "Name a Gateway or a route of gateway.networking.k8s.io; type Image with image, HTTP with http.",
    *check(context) {
      for (const document of context.of("EnvoyExtensionPolicy")) {
        const { value } = document;
        const one = valueAt(value, ["spec", "targetRef"]);
        const refs = listAt(value, ["spec", "targetRefs"]);
        const selectors = listAt(value, ["spec", "targetSelectors"]);
        if (one === undefined && refs.length === 0 && selectors.length === 0) {
          yield draft(document, ["spec"], "the policy has no target: add targetRefs");
        }
        const all: { ref: unknown; path: Path }[] = refs.map((ref, index) => ({
          ref,
          path: ["spec", "targetRefs", index],
        }));
        if (one !== undefined) all.push({ ref: one, path: ["spec", "targetRef"] });
        for (const { ref, path } of all) {
          if (!isObject(ref)) continue;
          if (ref["group"] !== "gateway.networking.k8s.io") {
            yield draft(document, [...path, "group"], `group ${shown(ref["group"])} must be gateway.networking.k8s.io`);
          } else if (!kinds.includes(String(ref["kind"]))) {
            yield draft(document, [...path, "kind"], `kind ${shown(ref["kind"])} is none of ${kinds.join(", ")}`);
          }
        }
        const count = listAt(value, ["spec", "wasm"]).length;
        if (count > mostPlugins)
          yield draft(document, ["spec", "wasm"], `has ${count} plugins, at most ${mostPlugins} are allowed`);
      }
      for (const { document, path, value } of entries(context)) {
        const type = textAt(value, ["code", "type"]);
        const at = [...path, "code"];
        const wanted = type === "HTTP" ? "http" : type === "Image" ? "image" : undefined;
        if (wanted === undefined) yield draft(document, [...at, "type"], `code.type ${shown(type)}: use HTTP or Image`);
        else {
          const other = wanted === "http" ? "image" : "http";
          if (valueAt(value, ["code", other]) !== undefined)
            yield draft(document, [...at, other], `code.type is ${type} but ${other} is set`);
          else if (valueAt(value, ["code", wanted]) === undefined)
            yield draft(document, at, `code.type is ${type} but ${wanted} is not set`);
        }
      }
    },
  },
  {
    id: "M-G2",
    severity: "warning",
    title: "The url of an image has no scheme",
    why: "Envoy Gateway expects registry/image:tag.",
    fix: 'Remove "oci://".',
    *check(context) {
      for (const { document, path, value } of entries(context)) {
        const url = textAt(value, ["code", "image", "url"]);
        const scheme = url === undefined ? undefined : /^[a-z]+:\/\//.exec(url)?.[0];
        if (scheme === undefined) continue;
        const at = [...path, "code", "image", "url"];
        const edits = replaceValue(document, at, url!.slice(scheme.length));
        yield draft(document, at, `remove "${scheme}"; Envoy Gateway expects registry/image:tag`, { edits });
      }
    },
  },
  {
    id: "M-G3",
    severity: "warning",
    title: "A module over HTTP has its sha256",
    why: "Envoy Gateway 1.1 needs it, and without it any bytes are taken.",
    fix: "Add the SHA-256 of the module.",
    *check(context) {
      for (const { document, path, value } of entries(context)) {
        const http = valueAt(value, ["code", "http"]);
        if (!isObject(http) || textAt(http, ["sha256"]) !== undefined) continue;
        yield draft(
          document,
          [...path, "code", "http"],
          "sha256 is required by Envoy Gateway 1.1 and recommended always",
        );
      }
    },
  },
  {
    id: "M-G4",
    severity: "error",
    title: "pullSecretRef is of kind Secret",
    why: "Envoy Gateway supports no other.",
    fix: "Leave kind out, or write Secret.",
    *check(context) {
      for (const { document, path, value } of entries(context)) {
        const steps = ["code", "image", "pullSecretRef", "kind"];
        const kind = valueAt(value, steps);
        if (kind !== undefined && kind !== "Secret")
          yield draft(document, [...path, ...steps], `only Secret is supported, not ${shown(kind)}`);
      }
    },
  },
];
