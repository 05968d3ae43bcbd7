import type { Pair } from "../abi/pairs.js";

/** One line of a comparison of two header lists. */
export type DiffLine =
  | { readonly kind: "same" | "added" | "removed"; readonly name: string; readonly value: string }
  | { readonly kind: "replaced"; readonly name: string; readonly value: string; readonly before: string };

/** What became of a header list, in the order of the new one, what is gone where it stood. */
export function diffHeaders(before: readonly Pair[], after: readonly Pair[]): DiffLine[] {
  const lines = longestCommon(before, after);
  // an entry that went and one that came with the same name are one that was replaced
  for (const line of lines) {
    if (line.kind !== "added") continue;
    const gone = lines.findIndex((one) => one.kind === "removed" && one.name === line.name);
    if (gone < 0) continue;
    const replaced: DiffLine = { kind: "replaced", name: line.name, value: line.value, before: lines[gone]!.value };
    lines[lines.indexOf(line)] = replaced;
    lines.splice(gone, 1);
  }
  return lines;
}

/** The classic table of longest common subsequences: header lists are short. */
function longestCommon(before: readonly Pair[], after: readonly Pair[]): DiffLine[] {
  const same = (i: number, j: number): boolean => before[i]![0] === after[j]![0] && before[i]![1] === after[j]![1];
  const length = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      length[i]![j] = same(i, j) ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  const push = (kind: "same" | "added" | "removed", [name, value]: Pair): void =>
    void lines.push({ kind, name, value });
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && same(i, j)) {
      push("same", before[i]!);
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && length[i + 1]![j]! >= length[i]![j + 1]!)) {
      push("removed", before[i++]!);
    } else {
      push("added", after[j++]!);
    }
  }
  return lines;
}
