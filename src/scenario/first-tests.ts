import { nameOfSource } from "../harness/source.js";
import type { Draft } from "./record.js";
import { firstCases, pathFrom, recordScenario } from "./record.js";

/** A file to be written. */
export interface NewFile {
  readonly path: string;
  readonly content: string;
}

/**
 * A first scenario, a first test in TypeScript and a workflow for a module: they pass, since they say what it does now.
 *
 * @param plugin Configuration and module, its path seen from the working directory.
 * @throws {HarnessError} As `createProxy` and `send`: a plugin that fails.
 */
export async function firstTests(plugin: Draft["plugin"]): Promise<NewFile[]> {
  const name = plugin.name ?? nameOfSource(plugin.module);
  const scenario = `tests/${name}.pwh.yaml`;
  const content = await recordScenario(
    {
      plugin,
      cases: firstCases,
    },
    scenario,
  );
  return [
    { path: scenario, content },
    { path: `tests/${name}.test.ts`, content: testFile(scenario) },
    { path: ".github/workflows/plugin.yml", content: workflow },
  ];
}

function testFile(scenario: string): string {
  const file = JSON.stringify(pathFrom(scenario, scenario));
  return `import { fileURLToPath } from "node:url";
import { describeScenarios } from "proxy-wasm-harness/vitest";

// Each case of the scenario file is a test here. For tests in TypeScript: createProxy and loadPlugin of proxy-wasm-harness.
await describeScenarios(fileURLToPath(new URL(${file}, import.meta.url)));
`;
}

/** Only what every project has: building the module is the author's. */
const workflow = `name: plugin
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: 22 }
      # build your module here, if it is not committed
      - run: npm install --no-save proxy-wasm-harness
      - run: npx pwh test tests --reporter pretty --reporter github=annotations.txt --reporter junit=results.xml
      - if: failure()
        run: cat annotations.txt
`;
