// Writes docs/lint.md from the rules. Needs dist/: `npm run build` first. A test fails when the page is stale.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const lintPagePath = fileURLToPath(new URL("../docs/lint.md", import.meta.url));

const head = `<!-- Made by tools/lint-docs.mjs from the rules in src/lint/rules; edit them there. -->

# pwh lint

Checks files that carry a proxy-wasm plugin into a mesh, offline, before a cluster sees them: EnvoyFilter, WasmPlugin,
TrafficExtension, EnvoyExtensionPolicy, ConfigMap, Deployment (and patches of one), Service, and a static configuration of Envoy.
What stands in several files is compared: is the module's file where the EnvoyFilter says, does the port belong to the Service,
does the selector match the pods.

\`\`\`text
pwh lint manifests/*.yaml                             # what can be told without more
pwh lint manifests/*.yaml -m filter.wasm --istio 1.29 # and the module, and what that release knows
pwh lint manifests/*.yaml --fix                       # mend what can be mended safely; comments stay
pwh lint manifests/*.yaml --sarif > lint.sarif        # or --json, --github
pwh lint image/                                       # the folder of an OCI image
pwh lint --rules                                      # the list below
\`\`\`

Each finding has file, line and column, its rule, why it matters and what to do. An **error** is refused by something on its way, or can
never do what it says; a **warning** is taken and probably not meant; **information** is worth knowing. The exit code is 1 when there is
an error, 2 when the command was wrong, else 0.

A rule is turned off with \`--off M-N5\`, or in the YAML: \`# pwh-lint-disable M-N5\` behind something for its line, on a line of its own
for the next one, above everything for the whole file.

In a test, \`lint\` of \`proxy-wasm-harness/lint\` does the same:

\`\`\`ts
import { lintTexts } from "proxy-wasm-harness/lint";
import { expect, test } from "vitest";

test("the port is one that there is", () => {
  const filter = \`
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: a, namespace: b}
spec:
  configPatches:
  - {applyTo: HTTP_FILTER, match: {listener: {portNumber: 70000}}, patch: {operation: REMOVE}}\`;
  const { findings } = lintTexts([{ name: "filter.yaml", text: filter }]);
  expect(findings.find(({ rule }) => rule === "M-P1")).toMatchObject({ severity: "error", line: 7 });
});
\`\`\`

Severities were compared with what real validators said of 143 manifests: Istio's admission (1.31, and of August 2021), a
Kubernetes API server with the CRDs, and Envoy 1.40, which also judged 64 static configurations (\`test/recordings/manifests\`, \`test/lint/agreement.test.ts\`). Values of
configurations are never printed where they may be secrets.
`;

/** @typedef {{ id: string, severity: string, title: string, why: string, fix: string }} Rule */

/** @param {readonly { title: string, rules: readonly Rule[] }[]} families @returns {string} */
export function lintPage(families) {
  const cell = (/** @type {string} */ text) => text.replaceAll("|", "\\|");
  const parts = families.map(({ title, rules }) => {
    const rows = rules.map(
      ({ id, severity, title: what, why, fix }) =>
        `| ${id} | ${severity} | ${cell(what)} | ${cell(why)} | ${cell(fix)} |`,
    );
    return `\n## ${title}\n\n| Rule | | What holds | Otherwise | What to do |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  return head + parts.join("");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { ruleFamilies } = await import("../dist/lint/rules.js");
  writeFileSync(lintPagePath, lintPage(ruleFamilies));
}
