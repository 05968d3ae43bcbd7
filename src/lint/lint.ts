import { readNamedFile } from "../harness/source.js";
import type { ManifestDocument, ManifestFile } from "../manifest/documents.js";
import { pathText, readManifest, valueAt } from "../manifest/documents.js";
import { field, wasmFiltersOf } from "../manifest/wasm-filters.js";
import { describeFile } from "../vm/file-kind.js";
import { LintContext } from "./context.js";
import { disabledBy } from "./disable.js";
import type { ImageLayout } from "./image-layout.js";
import { isImageLayout, readImageLayout } from "./image-layout.js";
import type { LintModule } from "./module-facts.js";
import { readLintModule } from "./module-facts.js";
import type { Draft, FileDraft, Finding, Rule, Severity } from "./rule.js";
import { ruleNamed, rules } from "./rules.js";
import { lintTarget } from "./target.js";

export interface LintOptions {
  /** The module that the manifests carry. */
  readonly module?: string;
  /** The release of Istio that they are for, such as `1.29`. */
  readonly istio?: string;
  /** The release of Envoy. Default: that of `istio`. */
  readonly envoy?: string;
  /** Rules that are not asked, such as `M-N5`. */
  readonly off?: readonly string[];
  /** `client`: the manifests go through `kubectl apply` without `--server-side`. Default `server`. */
  readonly apply?: "client" | "server";
  /** The root namespace of the mesh. Default `istio-system`. */
  readonly rootNamespace?: string;
}

export interface LintResult {
  readonly files: readonly string[];
  /** By file in the order given, then by line. */
  readonly findings: readonly Finding[];
}

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/**
 * Checks manifests of Kubernetes and Envoy that carry proxy-wasm plugins.
 *
 * @param names Files of YAML or JSON, and folders with an OCI image layout.
 * @throws {HarnessError} FILE_UNREADABLE, OPTION_INVALID
 */
export async function lint(names: readonly string[], options: LintOptions = {}): Promise<LintResult> {
  const files: ManifestFile[] = [];
  const images: ImageLayout[] = [];
  for (const name of names) {
    if (isImageLayout(name)) images.push(readImageLayout(name));
    else files.push(await readFile(name));
  }
  const module = options.module === undefined ? undefined : await readLintModule(options.module, rootIdsOf(files));
  return lintFiles(files, options, module, images);
}

/** The same for texts. */
export function lintTexts(files: readonly TextFile[], options: LintOptions = {}, module?: LintModule): LintResult {
  return lintFiles(
    files.map(({ name, text }) => readManifest(text, name)),
    options,
    module,
  );
}

async function readFile(name: string): Promise<ManifestFile> {
  const bytes = await readNamedFile(name);
  const isText = !bytes.subarray(0, 4096).some((byte) => byte === 0);
  try {
    if (isText) return readManifest(new TextDecoder("utf-8", { fatal: true }).decode(bytes), name);
  } catch {
    // told below
  }
  const kind = describeFile(bytes);
  const message = `This is ${kind === "text" ? "text that is not UTF-8" : kind}, no YAML`;
  return {
    file: name,
    text: "",
    documents: [],
    problems: [{ what: "syntax", message, place: { line: 1, column: 1 } }],
  };
}

function lintFiles(
  files: readonly ManifestFile[],
  options: LintOptions,
  module: LintModule | undefined,
  images: readonly ImageLayout[] = [],
): LintResult {
  const off = new Set((options.off ?? []).map((id) => ruleNamed(id).id));
  const context = new LintContext({
    files,
    images,
    target: lintTarget(options.istio, options.envoy),
    module,
    clientApply: options.apply === "client",
    rootNamespace: options.rootNamespace ?? "istio-system",
    ruleIds: new Set(rules.map(({ id }) => id)),
  });
  const disabled = new Map(files.map(({ file, text }) => [file, disabledBy(text)]));
  const found: { rule: Rule; finding: Finding }[] = [];
  for (const rule of rules) {
    if (off.has(rule.id)) continue;
    for (const draft of rule.check(context)) {
      const finding = placed(rule, draft);
      if (disabled.get(finding.file)?.has(rule.id, finding.line) !== true) found.push({ rule, finding });
    }
  }
  const placeOf = ({ file, path, line }: Finding): string => `${file}\n${path}\n${line}`;
  const special = new Set(found.filter(({ rule }) => rule.general !== true).map(({ finding }) => placeOf(finding)));
  const order = new Map(files.map(({ file }, index) => [file, index]));
  const findings = found
    .filter(({ rule, finding }) => rule.general !== true || !special.has(placeOf(finding)))
    .map(({ finding }) => finding)
    .sort(
      (a, b) =>
        (order.get(a.file) ?? files.length) - (order.get(b.file) ?? files.length) ||
        a.line - b.line ||
        a.column - b.column,
    );
  return { files: [...files.map(({ file }) => file), ...images.map(({ folder }) => folder)], findings };
}

/** The names under which the manifests ask a module for its root context. */
function rootIdsOf(files: readonly ManifestFile[]): string[] {
  const documents = files.flatMap((file) => file.documents);
  const ofPlugins = documents.flatMap(wasmFiltersOf).map(({ config }) => field(config, "root_id") ?? "");
  const names = [
    ["spec", "pluginName"],
    ["spec", "wasm", "pluginName"],
  ];
  const isPlugin = ({ kind }: ManifestDocument): boolean => kind === "WasmPlugin" || kind === "TrafficExtension";
  const ofObjects = documents.filter(isPlugin).map(({ value }) => names.map((path) => valueAt(value, path)));
  const given = [...ofPlugins, ...ofObjects.map(([one, other]) => one ?? other ?? "")];
  return given.filter((one) => typeof one === "string");
}

function placed(rule: Rule, draft: Draft | FileDraft): Finding {
  const severity: Severity = draft.severity ?? rule.severity;
  if (!("document" in draft)) {
    const { line, column } = draft.place ?? { line: 1, column: 1 };
    return { rule: rule.id, severity, file: draft.file, line, column, path: "", message: draft.message };
  }
  const { document, path, message, edits = [] } = draft;
  const { line, column } = document.at(path);
  const finding = { rule: rule.id, severity, file: document.file, line, column, path: pathText(path), message };
  return edits.length === 0 ? finding : { ...finding, edits };
}
