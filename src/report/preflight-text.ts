import type { Finding, Preflight, TargetReport } from "../harness/preflight.js";
import type { Paint } from "./style.js";
import { count, escapeControls } from "./text.js";

/** What `pwh preflight` prints. */
export function preflightText(file: string, one: Preflight, paint: Paint): string {
  const out = [paint("bold", file), `  ${count(one.size, "byte")}, sha256 ${one.sha256}`];
  for (const target of one.targets) out.push("", ...targetLines(target, paint));
  out.push("", paint("bold", "Size"));
  const width = Math.max(...one.deliveries.map(({ way }) => way.length));
  for (const { way, limit, fits, note } of one.deliveries) {
    const most = limit === undefined ? "" : ` (at most ${count(limit, "byte")})`;
    out.push(`  ${way.padEnd(width)}  ${fits ? paint("green", "fits") : paint("red", "too large")}${most}: ${note}`);
  }
  const { core, tenthOfCore } = one.compileSeconds;
  out.push("", paint("bold", "Compiling"));
  out.push(
    `  about ${seconds(core)} of CPU when it is loaded, ${seconds(tenthOfCore)} in a sidecar held to a tenth of a core`,
  );
  return out.join("\n");
}

function targetLines({ target, envoy, loads, findings, lines }: TargetReport, paint: Paint): string[] {
  const verdict = {
    yes: paint("green", "loads"),
    no: paint("red", "would not load"),
    unknown: paint("yellow", "not sure that it loads"),
  }[loads];
  const out = [`${paint("bold", target)} (Envoy ${envoy}): ${verdict}`];
  for (const { level, message } of findings) out.push(`  ${paint(colours[level], level)}: ${escapeControls(message)}`);
  if (lines.length > 0) out.push("  Envoy says:");
  for (const line of lines) {
    out.push(
      ...escapeControls(line, "\n")
        .split("\n")
        .map((part) => paint("dim", `    ${part}`)),
    );
  }
  return out;
}

const colours: Readonly<Record<Finding["level"], "red" | "yellow" | "dim">> = {
  error: "red",
  warning: "yellow",
  note: "dim",
};

const seconds = (number: number): string => `${number >= 10 ? Math.round(number) : number} s`;
