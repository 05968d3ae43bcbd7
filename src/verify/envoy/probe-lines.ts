/** What the probe logs, taken apart: see `fixtures/probe/README.md`. */
export type ProbeLine =
  | { readonly kind: "callback"; readonly name: string; readonly args: Readonly<Record<string, number>> }
  | {
      readonly kind: "hostcall";
      readonly verb: string;
      /** The action as the probe read it, variables replaced. */
      readonly action: string;
      /** Undefined if it did not come back, or has none. */
      readonly status?: number;
      /** What it got, as printed. */
      readonly result?: string;
    }
  | { readonly kind: "return"; readonly name: string; readonly value: number };

/** Undefined for a line that is not the probe's own. */
export function parseProbeLine(message: string): ProbeLine | undefined {
  if (message.startsWith("CB ")) {
    const [name = "", ...args] = message.slice(3).split(" ");
    const numbers = args.map((arg) => arg.split("=")).map(([key = "", value]) => [key, Number(value)] as const);
    return { kind: "callback", name, args: Object.fromEntries(numbers) };
  }
  if (message.startsWith("RET ")) {
    const [name = "", value] = message.slice(4).split(" ");
    return { kind: "return", name, value: Number(value) };
  }
  if (!message.startsWith("HC ")) return undefined;
  const [, action = message.slice(3), status, result] = /^HC (.*?) -> (\d+)(?: (.*))?$/s.exec(message) ?? [];
  return {
    kind: "hostcall",
    verb: action.split(" ")[0] ?? "",
    action,
    ...(status !== undefined && { status: Number(status) }),
    ...(result !== undefined && { result }),
  };
}
