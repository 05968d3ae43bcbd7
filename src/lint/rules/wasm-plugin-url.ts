import type { JsonObject } from "../../manifest/documents.js";
import type { LintContext } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, replaceValue } from "../rule.js";

type Place = ReturnType<LintContext["wasmPlugins"]>[number];

interface UrlPlace extends Place {
  readonly url: string;
}

const urls = (context: LintContext): UrlPlace[] =>
  context.wasmPlugins().flatMap((one) => {
    const { url } = one.value;
    return typeof url === "string" ? [{ ...one, url }] : [];
  });

const schemes = ["oci", "http", "https", "file"];
const schemeOf = (url: string): string | undefined => /^([A-Za-z][-+.A-Za-z0-9]*):\/\//.exec(url)?.[1]?.toLowerCase();
/** Without the credentials that someone may have put in. */
const safe = (url: string): string => url.replace(/\/\/[^/@]*@/, "//…@");
const isImage = (url: string): boolean =>
  schemeOf(url) === "oci" || (schemeOf(url) === undefined && !/^[^/]*:\d/.test(url));
const imageOf = (url: string): string => url.replace(/^oci:\/\//i, "");
const digest = /@sha256:([^@]*)$/;

function imageProblem(image: string): string | undefined {
  if (image === "") return "names no image";
  const [name, given] = image.split("@");
  if (given !== undefined && !/^sha256:[a-f0-9]{64}$/.test(given))
    return "its digest is not sha256: and 64 lower-case hexadecimal digits";
  const colon = name!.lastIndexOf(":");
  const hasTag = colon > name!.lastIndexOf("/");
  if (hasTag && !/^[\w][\w.-]{0,127}$/.test(name!.slice(colon + 1)))
    return "its tag has characters that no tag may have";
  const path = hasTag ? name!.slice(0, colon) : name!;
  const parts = path.split("/");
  const host = parts.length > 1 && /[.:]|^localhost$/.test(parts[0]!) ? parts.shift() : undefined;
  if (parts.some((part) => /[A-Z]/.test(part))) return "repository names must be lower case";
  if (parts.some((part) => !/^[a-z0-9]+([._-]+[a-z0-9]+)*$/.test(part)) || parts.length === 0)
    return "its repository is no valid name";
  return host === "" ? "names no registry" : undefined;
}

export const wasmPluginUrlRules: readonly Rule[] = [
  {
    id: "M-W1",
    severity: "error",
    title: "url is oci://, https://, http:// or file://, with the scheme written",
    why: "Without one the part before a port is read as the scheme, and refused.",
    fix: 'Write "oci://" before an image.',
    *check(context) {
      for (const document of context.of("WasmPlugin", "TrafficExtension")) {
        const place = context.wasmPlugins().find((one) => one.document === document);
        const url = place?.value["url"];
        if (place !== undefined && (url === undefined || url === "")) {
          yield draft(document, [...place.path, "url"], "url must be set");
        }
      }
      for (const { document, path, url } of urls(context)) {
        const at = [...path, "url"];
        const scheme = schemeOf(url);
        const edits = replaceValue(document, at, `oci://${url}`);
        if (url === "") continue;
        if (scheme !== undefined) {
          if (!schemes.includes(scheme))
            yield draft(document, at, `url scheme "${scheme}" is none of ${schemes.join(", ")}`);
          else if (scheme.startsWith("http") && !URL.canParse(url)) yield draft(document, at, "url cannot be parsed");
        } else if (/^\d+\.\d+\.\d+\.\d+:\d/.test(url)) {
          const message = `url "${safe(url)}" has no scheme: it is admitted, and the fetcher cannot read it. Write "oci://${safe(url)}"`;
          yield draft(document, at, message, { severity: "warning", edits });
        } else if (/^[^/]*:\d/.test(url)) {
          const read = url.slice(0, url.indexOf(":"));
          yield draft(
            document,
            at,
            `url "${safe(url)}" would be read as scheme "${read}". Write "oci://${safe(url)}"`,
            { edits },
          );
        } else {
          yield draft(document, at, `url "${safe(url)}" has no scheme; write "oci://${safe(url)}"`, {
            severity: "information",
            edits,
          });
        }
      }
    },
  },
  {
    id: "M-W2",
    severity: "error",
    title: "An image is registry/repository in lower case, with a tag or a digest",
    why: "The proxy cannot fetch it, and nobody tells before.",
    fix: "Write it as docker pull takes it.",
    *check(context) {
      for (const { document, path, url } of urls(context)) {
        if (url === "" || !isImage(url)) continue;
        const problem = imageProblem(imageOf(url));
        if (problem !== undefined)
          yield draft(document, [...path, "url"], `image reference "${safe(url)}": ${problem}`);
      }
    },
  },
  {
    id: "M-W3",
    severity: "error",
    title: "file:// has three slashes and an absolute path",
    why: "file://opt/x.wasm names a host. sha256 is not checked for files (a warning).",
    fix: "Write file:///opt/x.wasm.",
    *check(context) {
      for (const { document, path, url, value } of urls(context)) {
        if (schemeOf(url) !== "file") continue;
        const at = [...path, "url"];
        if (!url.startsWith("file:///")) {
          const better = url.replace(/^file:\/\//i, "file:///");
          const host = url.slice("file://".length).split("/")[0];
          yield draft(document, at, `${safe(url)} names host "${host}"; write ${better}`, {
            edits: replaceValue(document, at, better),
          });
        }
        if (isSet(value, "sha256"))
          yield draft(document, [...path, "sha256"], "sha256 is not checked for file://", { severity: "warning" });
      }
    },
  },
  {
    id: "M-W4",
    severity: "error",
    title: "sha256 is 64 lower-case hexadecimal digits, and equal to the digest in the url",
    why: "istiod refuses another form; two digests that differ let no download through.",
    fix: "Take the digest that the registry or sha256sum prints.",
    *check(context) {
      for (const { document, path, value } of context.wasmPlugins()) {
        const { sha256, url } = value;
        if (typeof sha256 !== "string" || sha256 === "") continue;
        const at = [...path, "sha256"];
        const inUrl = typeof url === "string" ? digest.exec(url)?.[1] : undefined;
        if (!/^[a-f0-9]{64}$/.test(sha256)) {
          const lower = sha256.toLowerCase();
          const edits = /^[a-f0-9]{64}$/.test(lower) ? replaceValue(document, at, `"${lower}"`) : [];
          yield draft(document, at, `sha256 must be 64 lower-case hexadecimal characters (got ${sha256.length})`, {
            edits,
          });
        } else if (inUrl !== undefined && inUrl !== sha256) {
          yield draft(document, at, "sha256 differs from the digest in the url: every download would be rejected");
        }
      }
    },
  },
  {
    id: "M-W5",
    severity: "warning",
    title: "sha256 of an image is that of its manifest, of https:// that of the module",
    why: "The download is rejected: has checksum …, which does not match.",
    fix: "For oci:// take the digest that docker push prints, or pin it in the url.",
    *check(context) {
      const own = context.module?.inspection?.sha256;
      if (own === undefined) return;
      for (const { document, path, url, value } of urls(context)) {
        const at = [...path, "sha256"];
        if (isImage(url) && (value["sha256"] === own || digest.exec(url)?.[1] === own)) {
          const message =
            "sha256 is the checksum of the .wasm file; for oci:// Istio compares it with the image manifest digest and the download would be rejected";
          yield draft(document, value["sha256"] === own ? at : [...path, "url"], message);
        } else if (schemeOf(url)?.startsWith("http") === true && isSet(value, "sha256") && value["sha256"] !== own) {
          yield draft(document, at, `sha256 is not that of ${context.module!.file} (${own})`, { severity: "error" });
        }
      }
    },
  },
  {
    id: "M-W6",
    severity: "warning",
    title: "An image is pinned by digest, or by a tag other than latest",
    why: "The tag latest is mutable: proxies may run different modules.",
    fix: "Write @sha256:… of the manifest.",
    *check(context) {
      for (const { document, path, url } of urls(context)) {
        const image = imageOf(url);
        if (image === "" || !isImage(url) || digest.test(image)) continue;
        const tag = /:([\w][\w.-]*)$/.exec(image.slice(image.lastIndexOf("/")))?.[1];
        if (tag === undefined)
          yield draft(document, [...path, "url"], "no tag and no digest, which means latest; pin @sha256:…");
        else if (tag === "latest") yield draft(document, [...path, "url"], "tag latest is mutable; pin @sha256:…");
      }
    },
  },
];

const isSet = (value: JsonObject, name: string): boolean => value[name] !== undefined && value[name] !== "";
