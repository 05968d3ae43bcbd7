// The documents of `pwh fuzz k8s` and `pwh fuzz github` that validators were asked about, and some that were broken on purpose.
const module = "fixtures/buggy/double-commit-faulty.wasm";
const run = ["--coverage", "--property", "no-trap", "--runs", "9000", "--time", "60", "--shards", "3"];
const image = ["--image", "registry.example.com/pwh:1"];
const claim = ["--share-claim", "fuzz"];
const bucket = ["--share", "s3://fuzz/filter", "--share-secret", "fuzz-bucket"];
/** What a shell, Kubernetes and GitHub would each take for something of theirs. */
const configuration = `{"a":"it's $(HOME) \${{ github.token }} $HOME"}`;

/** @type {readonly { name: string, args: readonly string[], broken?: readonly [string, string] }[]} */
export const fuzzDocumentCases = [
  { name: "Job, ConfigMap and claim", args: ["k8s", module, ...run, ...image, ...claim, "--workers", "2"] },
  {
    name: "Job, image and bucket",
    args: [
      "k8s",
      module,
      ...run,
      ...image,
      ...bucket,
      "--module-image",
      "registry.example.com/filter:1",
      "--namespace",
      "qa",
    ],
  },
  {
    name: "Job, a configuration to be escaped",
    args: ["k8s", module, ...run, ...image, ...claim, "-c", configuration],
  },
  {
    name: "Job, a member that there is none of",
    args: ["k8s", module, ...run, ...image, ...claim],
    broken: ["completionMode:", "completionsMode:"],
  },
  {
    name: "Job, text where a number is wanted",
    args: ["k8s", module, ...run, ...image, ...claim],
    broken: ["completions: 3", "completions: three"],
  },
  { name: "workflow", args: ["github", module, ...run, "--workers", "2"] },
  { name: "workflow, built before", args: ["github", module, ...run, "--build", "make filter"] },
  { name: "workflow, a configuration to be escaped", args: ["github", module, ...run, "-c", configuration] },
  {
    name: "workflow, an expression that there is none of",
    args: ["github", module, ...run],
    broken: ["matrix.shard }}/3", "matrix.part }}/3"],
  },
  {
    name: "workflow, a member that there is none of",
    args: ["github", module, ...run],
    broken: ["runs-on:", "run-on:"],
  },
];
