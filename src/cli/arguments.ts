import type { Options } from "yargs";
import { UsageError } from "./errors.js";

/** Options of a command by name, as yargs takes them. */
export type CommandOptions = Readonly<Record<string, Options>>;

/**
 * Rewrites arguments so that yargs reads them as curl would: `-XPOST`, `-X POST` and `--request POST` become
 * `--method=POST`, a value may begin with a dash or an equals sign, and what follows `--` is no option.
 *
 * Options it does not know are left for yargs to refuse.
 */
export function curlArguments(args: readonly string[], options: CommandOptions): string[] {
  const known = new Map<string, string>();
  for (const [name, { alias = [] }] of Object.entries(options)) {
    for (const one of [name, ...[alias].flat()]) known.set(one.length === 1 ? `-${one}` : `--${one}`, name);
  }
  const takesValue = (name: string): boolean => options[name]!.type !== "boolean";
  const out: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      out.push(...args.slice(i + 1).map((one) => (one.startsWith("-") ? `./${one}` : one)));
      break;
    }
    const { flag, value } = split(arg);
    const name = known.get(flag);
    if (name === undefined) {
      out.push(arg);
    } else if (takesValue(name)) {
      const next = args[i + 1];
      if (value !== undefined) out.push(`--${name}=${value}`);
      else if (next === undefined || known.has(split(next).flag) || next === "--") throw missing(flag);
      else out.push(`--${name}=${args[++i]!}`);
    } else if (value === undefined || value === "true" || value === "false") {
      out.push(`--${name}${value === undefined ? "" : `=${value}`}`);
    } else {
      throw new UsageError(`Cannot use ${arg}: ${flag} is on or off and takes no value`);
    }
  }
  return out;
}

/** `--name=value`, or one letter with what is joined to it. */
function split(arg: string): { readonly flag: string; readonly value: string | undefined } {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    return equals < 0 ? { flag: arg, value: undefined } : { flag: arg.slice(0, equals), value: arg.slice(equals + 1) };
  }
  if (!arg.startsWith("-") || arg.length < 3) return { flag: arg, value: undefined };
  return { flag: arg.slice(0, 2), value: arg.slice(2) };
}

function missing(flag: string): UsageError {
  const joined = flag.startsWith("--") ? `${flag}=VALUE` : `${flag}VALUE`;
  return new UsageError(`Cannot use ${flag}: a value is missing; write ${joined} when it looks like another option`);
}
