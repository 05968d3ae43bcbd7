/** Comments `# pwh-lint-disable M-P1 M-N5`: behind something for its line, alone for the next line, on top for the file. */
export interface DisableComment {
  readonly rules: readonly string[];
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

const comment = /(^|\s)#\s*pwh-lint-disable\b[ \t:]*([^#\n]*)/;

export interface Disabled {
  has(rule: string, line: number): boolean;
}

/** Every such comment of a text. */
export function disableComments(text: string): DisableComment[] {
  if (!text.includes("pwh-lint-disable")) return [];
  return text.split("\n").flatMap((line, index) => {
    const found = comment.exec(line);
    if (found === null) return [];
    const rules = found[2]!.split(/[\s,]+/).filter((word) => word !== "");
    return [{ rules, line: index + 1, column: found.index + found[1]!.length + 1 }];
  });
}

/** What the comments of a text turn off, and where. */
export function disabledBy(text: string): Disabled {
  const everywhere = new Set<string>();
  const inLine = new Map<number, Set<string>>();
  const lines = text.split("\n");
  const isBlank = (line: string): boolean => /^\s*(#.*|---)?\s*$/.test(line);
  const firstContent = lines.findIndex((line) => !isBlank(line)) + 1;
  for (const { rules, line } of disableComments(text)) {
    let of: Set<string> | undefined;
    if (line < firstContent) of = everywhere;
    else {
      let target = line;
      while (target < lines.length && isBlank(lines[target - 1]!)) target++;
      of = inLine.get(target);
      if (of === undefined) inLine.set(target, (of = new Set()));
    }
    for (const rule of rules) of.add(rule.toUpperCase());
  }
  return { has: (rule, line) => everywhere.has(rule) || inLine.get(line)?.has(rule) === true };
}
