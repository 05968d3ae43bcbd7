import type { Compared, Comparison } from "../scenario/compare.js";
import type { Paint } from "./style.js";
import { diffLines } from "./tests/pretty.js";
import { count, escapeControls } from "./text.js";

/** What `pwh diff` prints: cases that differ, memory and size. */
export function compareText(compared: Compared, paint: Paint): string {
  const out: string[] = [];
  for (const one of compared.cases) {
    if (one.same) out.push(`${paint("green", "=")} ${escapeControls(one.name)}${memoryText(one)}`);
    else out.push(...differing(one, paint));
  }
  const { old, new: now } = compared.sizeBytes;
  const different = compared.cases.filter(({ same }) => !same).length;
  out.push(
    "",
    `size: ${count(old, "byte")}, ${old === now ? "both" : `now ${count(now, "byte")} (${signed(now - old)})`}`,
    different === 0
      ? paint("green", `no difference in ${count(compared.cases.length, "case")}`)
      : paint("red", `${different} of ${count(compared.cases.length, "case")} differ`),
  );
  return out.join("\n");
}

function differing(one: Comparison, paint: Paint): string[] {
  const lines = [`${paint("red", "≠")} ${paint("bold", escapeControls(one.name))}${memoryText(one)}`];
  if (one.old.outcome !== one.new.outcome) lines.push(`    ${one.old.outcome}, now ${one.new.outcome}`);
  for (const { message } of one.new.failures) lines.push(paint("dim", `    now: ${escapeControls(message)}`));
  const [old, now] = [one.old.text, one.new.text];
  if (old !== now) lines.push(...diffLines(old, now, paint));
  return lines;
}

function memoryText({ old, new: now }: Comparison): string {
  if (old.memoryBytes === now.memoryBytes) return "";
  return `  (memory ${old.memoryBytes} bytes, now ${now.memoryBytes}: ${signed(now.memoryBytes - old.memoryBytes)})`;
}

const signed = (difference: number): string => `${difference > 0 ? "+" : ""}${difference}`;
