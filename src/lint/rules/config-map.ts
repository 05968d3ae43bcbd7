import { createHash } from "node:crypto";
import type { ManifestDocument } from "../../manifest/documents.js";
import { lastApplied, sizeLimits } from "../../manifest/limits.js";
import { objectAt } from "../context.js";
import { isHashed } from "../hashed.js";
import { nameOfObject } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, shown } from "../rule.js";

/** Values of data, and decoded of binaryData. */
const configMapBytes = sizeLimits.configMap;
/** Keys and values of all annotations of an object. */
export const annotationBytes = sizeLimits.annotations;

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of a value of binaryData; undefined when it is no base64. Line breaks are tolerated. */
function decoded(value: unknown): Buffer | undefined {
  if (typeof value !== "string") return undefined;
  const plain = value.replaceAll(/[\r\n]/g, "");
  return base64.test(plain) ? Buffer.from(plain, "base64") : undefined;
}

function heldBytes({ value }: ManifestDocument): number {
  const texts = Object.values(objectAt(value, ["data"])).map((one) => Buffer.byteLength(String(one)));
  const bytes = Object.values(objectAt(value, ["binaryData"])).map((one) => decoded(one)?.length ?? 0);
  return [...texts, ...bytes].reduce((sum, one) => sum + one, 0);
}

/** Bytes of the annotation that client-side `kubectl apply` adds, key included. */
function lastAppliedBytes({ value }: ManifestDocument): number {
  const metadata = { annotations: {}, ...objectAt(value, ["metadata"]) };
  const whole = { ...value, metadata: { namespace: "default", ...metadata } };
  return lastApplied.length + Buffer.byteLength(JSON.stringify(whole)) + 1;
}

const isWasm = (key: string): boolean => key.endsWith(".wasm");

export const configMapRules: readonly Rule[] = [
  {
    id: "M-C1",
    severity: "error",
    title: "A ConfigMap holds at most 1,048,576 bytes",
    why: "The API server refuses it: Too long.",
    fix: "Use a WasmPlugin with an OCI image, or shrink the module (release build, strip, wasm-opt -Oz).",
    *check(context) {
      for (const document of context.of("ConfigMap")) {
        const bytes = heldBytes(document);
        if (bytes <= configMapBytes) continue;
        const message = `${nameOfObject(document) ?? "it"} holds ${bytes} bytes; a ConfigMap holds at most ${configMapBytes}`;
        yield draft(document, ["binaryData"], message);
      }
    },
  },
  {
    id: "M-C2",
    severity: "warning",
    title: "kubectl apply can store the ConfigMap's last-applied annotation (262,144 bytes)",
    why: "Client-side apply writes the whole object into an annotation and fails; an error with --apply client.",
    fix: 'Use "kubectl create -f", "kubectl replace -f" or "kubectl apply --server-side -f".',
    *check(context) {
      for (const document of context.of("ConfigMap")) {
        const bytes = lastAppliedBytes(document);
        if (bytes <= annotationBytes) continue;
        const severity = context.clientApply ? "error" : "warning";
        const message = `"kubectl apply" would fail (last-applied annotation ${bytes} > ${annotationBytes} bytes); use "kubectl apply --server-side -f"`;
        yield draft(document, ["metadata", "name"], message, { severity });
      }
    },
  },
  {
    id: "M-C3",
    severity: "error",
    title: "binaryData is base64, of the module given",
    why: "The API server refuses what is no base64; other bytes are another module than was tested.",
    fix: "Make the ConfigMap again from the module.",
    *check(context) {
      const wanted = context.module;
      const found: { document: ManifestDocument; key: string; same: boolean }[] = [];
      for (const document of context.of("ConfigMap")) {
        for (const [key, value] of Object.entries(objectAt(document.value, ["binaryData"]))) {
          const bytes = decoded(value);
          if (bytes === undefined) {
            yield draft(document, ["binaryData", key], `binaryData[${shown(key)}] is no base64 with its padding`);
          } else if (wanted !== undefined && isWasm(key))
            found.push({ document, key, same: sha256(bytes) === sha256(wanted.bytes) });
        }
      }
      if (wanted === undefined || found.some(({ same }) => same)) return;
      const name = wanted.file.replace(/^.*[/\\]/, "");
      for (const { document, key } of found) {
        if (found.length > 1 && key !== name) continue;
        yield draft(document, ["binaryData", key], `binaryData[${shown(key)}] does not decode to ${wanted.file}`);
      }
    },
  },
  {
    id: "M-C4",
    severity: "error",
    title: "The module is in binaryData, and no key in both maps",
    why: "data is for UTF-8 text: a real module does not survive it. A key in both is refused.",
    fix: "Put the module into binaryData, in base64.",
    *check(context) {
      for (const document of context.of("ConfigMap")) {
        for (const key of Object.keys(objectAt(document.value, ["data"]))) {
          if (Object.hasOwn(objectAt(document.value, ["binaryData"]), key)) {
            yield draft(document, ["data", key], `the key ${shown(key)} is in data and in binaryData`);
          } else if (isWasm(key)) {
            yield draft(document, ["data", key], `put ${shown(key)} into binaryData; data is for UTF-8 text`);
          }
        }
      }
    },
  },
  {
    id: "M-C5",
    severity: "warning",
    title: "An immutable ConfigMap has a name with a hash of its content",
    why: "It cannot be updated: the next module needs another name.",
    fix: "Put part of the module's sha256 into the name.",
    *check(context) {
      for (const document of context.of("ConfigMap")) {
        const name = nameOfObject(document) ?? "";
        if (document.value["immutable"] !== true || isHashed(name)) continue;
        yield draft(
          document,
          ["immutable"],
          `immutable ConfigMap "${name}" cannot be updated in place; use a content-hashed name`,
        );
      }
    },
  },
];

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
