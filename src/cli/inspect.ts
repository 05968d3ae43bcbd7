import type { Command } from "./commands.js";

export const inspectCommand: Command = {
  name: "inspect",
  usage: "inspect <file>",
  summary: "show what a module is, what it needs, and whether it would load",
  positionals: { file: { describe: "a .wasm file", type: "string", demandOption: true } },
  options: { json: { type: "boolean", describe: "print one JSON object" } },
  examples: [],
  async run(args) {
    const file = String(args["file"]);
    const { inspect } = await import("../harness/inspect.js");
    const inspection = await inspect(file);
    if (args["json"] === true) {
      process.stdout.write(`${JSON.stringify(inspection, undefined, 2)}\n`);
    } else {
      const [{ inspectText }, { paintFor }] = await Promise.all([
        import("../report/inspect-text.js"),
        import("../report/style.js"),
      ]);
      process.stdout.write(`${inspectText(file, inspection, paintFor(process.stdout))}\n`);
    }
    return inspection.problems.length === 0 ? 0 : 1;
  },
};
