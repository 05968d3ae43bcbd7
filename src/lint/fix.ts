import type { Edit, Finding } from "./rule.js";

export interface Fixed {
  readonly text: string;
  /** Findings whose change was made. */
  readonly fixed: readonly Finding[];
}

/**
 * Makes the changes of findings in the text of one file: comments, order and quotes elsewhere stay as they are.
 * Of two changes that touch, the first counts; the other is for the next run.
 */
export function applyFixes(text: string, findings: readonly Finding[]): Fixed {
  const chosen: Edit[] = [];
  const fixed: Finding[] = [];
  for (const finding of findings) {
    const edits = finding.edits ?? [];
    const touches = (edit: Edit): boolean => chosen.some((one) => edit.start < one.end && one.start < edit.end);
    if (edits.length === 0 || edits.some(touches)) continue;
    chosen.push(...edits);
    fixed.push(finding);
  }
  let out = text;
  for (const { start, end, text: to } of chosen.sort((a, b) => b.start - a.start)) {
    out = out.slice(0, start) + to + out.slice(end);
  }
  return { text: out, fixed };
}
