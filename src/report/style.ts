import { styleText } from "node:util";

export type Paint = (format: Parameters<typeof styleText>[0], text: string) => string;

/** Colours for a terminal; plain text when piped, with NO_COLOR, or on a dumb terminal. FORCE_COLOR wins. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0";
  const wanted = stream.isTTY === true && env["TERM"] !== "dumb" && (env["NO_COLOR"] ?? "") === "";
  // validateStream would ask the terminal again, and differs between Node releases
  return forced || wanted ? (format, text) => styleText(format, text, { validateStream: false }) : (_, text) => text;
}
