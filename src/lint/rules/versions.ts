import { RE2JS } from "re2js";
import type { ManifestDocument, Path } from "../../manifest/documents.js";
import { valueAt } from "../../manifest/documents.js";
import { linkProblems } from "../../host/linker.js";
import { profileOf } from "../../proxy/envoy/profiles.js";
import { field, spelling } from "../../manifest/wasm-filters.js";
import type { LintContext } from "../context.js";
import type { Rule } from "../rule.js";
import { draft, replaceValue, shown } from "../rule.js";
import { newestIstio } from "../target.js";
import { messageOf } from "../../errors.js";

/** Of Istio 1.31: longer patterns match nothing. */
const longestPattern = 1024;

interface Pattern {
  readonly document: ManifestDocument;
  readonly path: Path;
  readonly text: string;
}

function patterns(context: LintContext): Pattern[] {
  return context.patches.flatMap(({ document, path, value }) => {
    const text = valueAt(value, ["match", "proxy", "proxyVersion"]);
    return typeof text === "string" && text !== ""
      ? [{ document, text, path: [...path, "match", "proxy", "proxyVersion"] }]
      : [];
  });
}

/** RE2's own words for what it does not take; undefined for a good pattern. */
function regexProblem(text: string): string | undefined {
  try {
    RE2JS.compile(text);
    return undefined;
  } catch (thrown) {
    return messageOf(thrown).replace(/^error parsing regexp: /, "");
  }
}

/** Istio's minors that a pattern matches, as istiod matches: anywhere in the text. */
function matched(text: string): number[] {
  const pattern = RE2JS.compile(text);
  const minors = Array.from({ length: newestIstio + 1 }, (_, minor) => minor);
  return minors.filter((minor) => [`1.${minor}.0`, `1.${minor}.2`].some((version) => pattern.matcher(version).find()));
}

const usable = (text: string): boolean => text.length <= longestPattern && regexProblem(text) === undefined;

/** A dot that is neither escaped nor followed by what repeats it. */
const looseDot = /(?<!\\)\.(?![*+?{])/;
const minorsWord = (minors: readonly number[]): string => minors.map((minor) => `1.${minor}`).join(", ");

/** What came with which minor of Istio. Deployment reference, 2.2 and 2.3. */
const since: readonly (readonly [path: Path, value: string | undefined, minor: number])[] = [
  [["applyTo"], "EXTENSION_CONFIG", 8],
  [["applyTo"], "BOOTSTRAP", 11],
  [["applyTo"], "LISTENER_FILTER", 17],
  [["patch", "operation"], "MERGE_AND_REPLACE_LIST", 31],
  [["match", "listener", "listenerFilter"], undefined, 17],
  [["match", "routeConfiguration", "vhost", "domainName"], undefined, 27],
];

export const versionRules: readonly Rule[] = [
  {
    id: "M-V1",
    severity: "error",
    title: "proxyVersion is a regular expression of RE2",
    why: "istiod refuses the EnvoyFilter: Go's regular expressions have no look-around and no back-references.",
    fix: String.raw`Write it without them, such as "^1\.11.*".`,
    *check(context) {
      for (const { document, path, text } of patterns(context)) {
        const problem = regexProblem(text);
        if (problem !== undefined && text.length <= longestPattern)
          yield draft(document, path, `proxyVersion ${shown(text)} is no regular expression of Go (RE2): ${problem}`);
      }
    },
  },
  {
    id: "M-V2",
    severity: "error",
    title: "proxyVersion has at most 1024 characters",
    why: "Istio 1.31 ignores longer patterns, and the filter matches nothing.",
    fix: "Write a shorter pattern.",
    *check(context) {
      for (const { document, path, text } of patterns(context)) {
        if (text.length <= longestPattern) continue;
        const message = `proxyVersion is ${text.length} characters long; Istio ignores patterns above ${longestPattern} and the filter would match nothing`;
        yield draft(document, path, message);
      }
    },
  },
  {
    id: "M-V3",
    severity: "warning",
    title: 'proxyVersion begins with "^" and escapes its dots',
    why: '"1.11.*" also matches 2.1.11: the search is unanchored and a dot is any character.',
    fix: String.raw`Write "^1\.11.*".`,
    *check(context) {
      for (const { document, path, text } of patterns(context)) {
        if (!usable(text)) continue;
        const anchored = /^(\(\?[a-z]+\))?\^/.test(text);
        const loose = /\d\.\d/.test(text) && looseDot.test(text);
        if (anchored && !loose) continue;
        const what = anchored
          ? '"." matches any character'
          : `it is unanchored${loose ? ' and "." matches any character' : ""}`;
        const better = (anchored ? "" : "^") + text.replaceAll(/(\d)\.(?=\d)/g, String.raw`$1\.`);
        const simple = /^\^?[\d.]+(\.\*)?$/.test(text);
        const edits = simple ? replaceValue(document, path, `'${better}'`) : [];
        yield draft(document, path, `proxyVersion ${shown(text)}: ${what}; use ${better}`, { edits });
      }
    },
  },
  {
    id: "M-V4",
    severity: "error",
    title: "proxyVersion matches the release that is meant, and no other",
    why: "A pattern that does not match is skipped silently, as after an upgrade; one digit of a minor matches its tens too.",
    fix: "Write the pattern for the release of the target.",
    *check(context) {
      const { istio } = context.target;
      for (const { document, path, text } of patterns(context)) {
        if (!usable(text)) continue;
        const minors = matched(text);
        const one = /^\^?1\\?\.(\d)(\.\*|\.|\.\+)?$/.exec(text)?.[1];
        if (one !== undefined && text.endsWith(`${one}.*`)) {
          const tens = minors.filter((minor) => minor >= 10);
          const message = `proxyVersion ${shown(text)} matches ${minorsWord(tens)} as well`;
          if (tens.length > 0) yield draft(document, path, message);
        }
        if (istio === undefined) continue;
        const others = minors.filter((minor) => minor !== istio);
        if (!minors.includes(istio)) {
          const message = `proxyVersion ${shown(text)} does not match the target Istio 1.${istio}; the filter would be skipped silently`;
          yield draft(document, path, message);
        } else if (others.length > 0 && one === undefined) {
          yield draft(document, path, `proxyVersion ${shown(text)} matches ${minorsWord(others)} as well`, {
            severity: "warning",
          });
        }
      }
    },
  },
  {
    id: "M-V5",
    severity: "error",
    title: "What the EnvoyFilter uses exists in the target release",
    why: "An older istiod refuses the value, or drops the field and matches more than was meant.",
    fix: "Leave it out, or raise the target.",
    *check(context) {
      const { istio, envoy } = context.target;
      if (istio !== undefined) {
        for (const { document, path, value } of context.patches) {
          for (const [steps, word, minor] of since) {
            const given = valueAt(value, steps);
            if (istio >= minor || given === undefined || (word !== undefined && given !== word)) continue;
            const name = word === undefined ? steps.at(-1) : `${steps.at(-1)} ${word}`;
            yield draft(document, [...path, ...steps], `${name} needs Istio 1.${minor}; the target is 1.${istio}`);
          }
        }
      }
      for (const { document, configPath, config, form } of context.plugins) {
        if (field(config, "allow_on_headers_stop_iteration") === undefined) continue;
        const path = [...configPath, spelling(config, "allow_on_headers_stop_iteration")];
        if (envoy !== undefined && envoy < 35) {
          const message = `allow_on_headers_stop_iteration needs Envoy 1.35; the target's is 1.${envoy}, which ignores it`;
          yield draft(document, path, message);
        } else if (document.kind === "EnvoyFilter" && form === "direct" && (istio === undefined || istio < 28)) {
          const message =
            "istiod before 1.28 drops allow_on_headers_stop_iteration from a direct type; use a TypedStruct";
          yield draft(document, path, message, { severity: "warning" });
        }
      }
    },
  },
  {
    id: "M-V6",
    severity: "error",
    title: "The target offers what the module imports",
    why: 'The proxy logs "Failed to load Wasm module due to a missing import" and rejects the listener.',
    fix: "Build for the target (another SDK or toolchain), or raise it.",
    *check({ module, target }) {
      if (module?.info === undefined || target.envoy === undefined || target.envoy < 19 || target.envoy > 40) return;
      const { host, release } = profileOf(`1.${target.envoy}`);
      for (const { code, message, line } of linkProblems(module.info, host)) {
        if (code === "IMPORT_MISSING" || code === "IMPORT_TYPE")
          yield { file: module.file, message: `Envoy ${release}: ${message}; the proxy would log "${line}"` };
      }
    },
  },
  {
    id: "M-V7",
    severity: "information",
    title: "The target is told",
    why: "Without it, what depends on the release is not checked.",
    fix: "Give --istio or --envoy.",
    *check({ target, documents }) {
      const first = documents.find(({ kind }) => kind === "EnvoyFilter" || kind === "WasmPlugin");
      if (first === undefined || target.envoy !== undefined) return;
      yield draft(first, ["kind"], "no --istio given: checks of versions are passed over");
    },
  },
];
