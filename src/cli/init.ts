import type { Command } from "./commands.js";
import { pluginInput, pluginOptions } from "./exchange-options.js";
import { writeNew } from "./output.js";

export const initCommand: Command = {
  name: "init",
  usage: "init <file>",
  summary: "write a first scenario, a first test and a CI workflow for a plugin",
  positionals: { file: { describe: "the plugin, a .wasm file", type: "string", demandOption: true } },
  options: {
    ...pluginOptions,
    force: { type: "boolean", describe: "replace files that are there" },
  },
  examples: ["$0 init build/filter.wasm", "$0 init build/filter.wasm -c @config.json"],
  async run(args) {
    const { firstTests } = await import("../scenario/first-tests.js");
    const files = await firstTests({ module: String(args["file"]), ...pluginInput(args) });
    for (const { path, content } of files) {
      writeNew(path, content, args["force"] === true);
      process.stdout.write(`wrote ${path}\n`);
    }
    const [scenario, test] = files.map(({ path }) => path);
    process.stdout.write(`
Run the scenarios:          npx pwh test ${scenario}
Run them again on changes:  npx pwh test ${scenario} --watch
See one fail:               change an expected value in ${scenario}, and run it
Run them with vitest:       npm install --save-dev proxy-wasm-harness vitest && npx vitest run ${test}
`);
    return 0;
  },
};
