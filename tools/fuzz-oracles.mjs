// Records what real validators say of the documents of `pwh fuzz k8s` and `pwh fuzz github`: test/recordings/manifests/fuzz.jsonl.
//   pip install kubernetes-validate; go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
//   node tools/fuzz-oracles.mjs --kubernetes-validate PATH --actionlint PATH
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fuzzDocumentCases } from "./fuzz-documents.mjs";

const { values } = parseArgs({
  options: { "kubernetes-validate": { type: "string" }, actionlint: { type: "string" } },
});
const [validate, actionlint] = [values["kubernetes-validate"], values.actionlint];
if (validate === undefined || actionlint === undefined) {
  console.error("give --kubernetes-validate PATH and --actionlint PATH");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "pwh-oracle-"));
const pwh = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const lines = [];
for (const { name, args, broken } of fuzzDocumentCases) {
  const written = execFileSync(process.execPath, [pwh, "fuzz", ...args], { encoding: "utf8" });
  const text = broken === undefined ? written : written.replace(broken[0], () => broken[1]);
  const file = join(folder, args[0] === "k8s" ? "job.yaml" : "workflow.yml");
  writeFileSync(file, text);
  const [oracle, ran] =
    args[0] === "k8s"
      ? [
          `kubernetes-validate, Kubernetes 1.37`,
          spawnSync(validate, ["--strict", "-k", "1.37.0", file], { encoding: "utf8" }),
        ]
      : [
          `actionlint ${execFileSync(actionlint, ["-version"], { encoding: "utf8" }).split("\n")[0]}`,
          spawnSync(actionlint, ["-no-color", "-oneline", file], { encoding: "utf8", cwd: folder }),
        ];
  const said = `${ran.stdout}${ran.stderr}`.replaceAll(`${folder}/`, "").trim();
  lines.push(JSON.stringify({ name, oracle, accepted: ran.status === 0, said, text }));
  console.log(name, ran.status === 0 ? "accepted" : "refused", said.split("\n")[0]);
}
rmSync(folder, { recursive: true });
writeFileSync(
  fileURLToPath(new URL("../test/recordings/manifests/fuzz.jsonl", import.meta.url)),
  `${lines.join("\n")}\n`,
);
