import { ruleFamilies, rules } from "./rules.js";
import type { LintResult } from "./lint.js";
import type { Finding, Severity } from "./rule.js";

type Style = "red" | "yellow" | "cyan" | "dim" | "bold";
export type Painter = (style: Style, text: string) => string;

const styles: Readonly<Record<Severity, Style>> = { error: "red", warning: "yellow", information: "cyan" };
const byId = new Map(rules.map((rule) => [rule.id, rule]));

export function counts({ findings }: LintResult): Record<Severity, number> {
  const of = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
  return { error: of("error"), warning: of("warning"), information: of("information") };
}

const number = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

/** For people: each finding with its place, why it matters and what to do; why and fix once for each rule. */
export function lintText(result: LintResult, paint: Painter): string {
  const told = new Set<string>();
  const lines: string[] = [];
  for (const { rule, severity, file, line, column, path, message } of result.findings) {
    lines.push(`${paint("bold", `${file}:${line}:${column}`)} ${paint(styles[severity], severity)} ${rule} ${message}`);
    if (severity === "information") continue;
    if (path !== "") lines.push(paint("dim", `    at   ${path}`));
    if (told.has(rule)) continue;
    told.add(rule);
    const { why, fix } = byId.get(rule)!;
    lines.push(paint("dim", `    why  ${why}`), paint("dim", `    fix  ${fix}`));
  }
  const { error, warning, information } = counts(result);
  const fixable = result.findings.filter(({ edits }) => edits !== undefined).length;
  const also = fixable === 0 ? "" : `; --fix can mend ${fixable}`;
  const summary = `${number(error, "error")}, ${number(warning, "warning")}, ${information} for information in ${number(result.files.length, "file")}${also}`;
  return [...lines, summary].map((line) => `${line}\n`).join("");
}

/** One object: `version`, `files`, `counts`, `findings` with `why` and `fix` of their rules. */
export function lintJson(result: LintResult): string {
  const findings = result.findings.map(({ edits, ...one }) => {
    const { why, fix } = byId.get(one.rule)!;
    return Object.assign(one, { why, fix, fixable: edits !== undefined });
  });
  return `${JSON.stringify({ version: 1, files: result.files, counts: counts(result), findings })}\n`;
}

const levels: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", information: "note" };

/** SARIF 2.1.0, as code scanning takes it. */
export function lintSarif(result: LintResult): string {
  const ids = [...new Set(result.findings.map(({ rule }) => rule))].sort();
  const described = ids.map((id) => {
    const { title, why, fix, severity } = byId.get(id)!;
    return {
      id,
      shortDescription: { text: title },
      fullDescription: { text: why },
      help: { text: fix },
      defaultConfiguration: { level: levels[severity] },
    };
  });
  const results = result.findings.map(({ rule, severity, file, line, column, message }) => ({
    ruleId: rule,
    ruleIndex: ids.indexOf(rule),
    level: levels[severity],
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodeURI(file.replaceAll("\\", "/")) },
          region: { startLine: line, startColumn: column },
        },
      },
    ],
  }));
  const driver = { name: "pwh lint", rules: described };
  const $schema = "https://json.schemastore.org/sarif-2.1.0.json";
  return `${JSON.stringify({ $schema, version: "2.1.0", runs: [{ tool: { driver }, columnKind: "utf16CodeUnits", results }] })}\n`;
}

const commands: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", information: "notice" };
/** As `toolkit` of GitHub escapes what follows the second `::`. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");

/** Workflow commands of GitHub Actions: an annotation for each finding. */
export function lintGithub({ findings }: LintResult): string {
  const annotation = ({ rule, severity, file, line, column, message }: Finding): string => {
    const { fix } = byId.get(rule)!;
    const at = `title=${property(rule)},file=${property(file)},line=${line},col=${column}`;
    return `::${commands[severity]} ${at}::${data(`${message}\n${fix}`)}\n`;
  };
  return findings.map(annotation).join("");
}

/** All rules by family, for `--rules`. */
export function ruleList(paint: Painter): string {
  const lines: string[] = [];
  for (const { title, rules: family } of ruleFamilies) {
    lines.push(paint("bold", title));
    for (const { id, severity, title: what } of family) {
      lines.push(`  ${id.padEnd(6)} ${paint(styles[severity], severity.padEnd(11))} ${what}`);
    }
    lines.push("");
  }
  return lines.map((line) => `${line}\n`).join("");
}
