import { createHash } from "node:crypto";
import { sizeLimits } from "../manifest/limits.js";
import { isLabelName, isSubdomain } from "../manifest/names.js";
import { refusal, refusedName } from "./checks.js";
import { comment, manifest, text, yaml } from "./yaml.js";

/** A fuzz run that many machines share. */
export interface FuzzShards {
  /** The file's name: `filter.wasm`. */
  readonly fileName: string;
  /** Options of `pwh fuzz`, each of one word: `--config={"a":1}`; those of the shard, the share and the workers are none of them. */
  readonly options: readonly string[];
  readonly shards: number;
  /** Threads in each. */
  readonly workers: number;
}

export interface FuzzJobOptions extends FuzzShards {
  readonly module: Uint8Array;
  /** A container image that has `pwh` as a command. */
  readonly image: string;
  /** An OCI image of the module, mounted as a volume. Default: the module comes in a ConfigMap. */
  readonly moduleImage?: string;
  /** What the shards share: a PersistentVolumeClaim that many pods may write, or a bucket with a Secret of AWS_… variables. */
  readonly share:
    | { readonly claim: string }
    | { readonly bucket: string; readonly secret: string; readonly endpoint?: string; readonly region?: string };
  readonly namespace?: string;
  /** Of each pod. Default 512 MiB for each worker, and 256 MiB. */
  readonly memory?: string;
  /** Default: those of a run, and a minute to start in. */
  readonly deadlineSeconds: number;
}

const moduleFolder = "/module";
const shareFolder = "/share";

/**
 * A Kubernetes Indexed Job: one pod for each shard, which finds in JOB_COMPLETION_INDEX which it is.
 *
 * A shard with findings fails its index at once, and with it the Job, once all others are over; one that was evicted is tried
 * again.
 *
 * @returns YAML of a ConfigMap with the module, unless it comes as an image, and of the Job.
 * @throws {HarnessError} OPTION_INVALID for names that Kubernetes refuses and a module over a ConfigMap's limit.
 */
export function fuzzJob(options: FuzzJobOptions): string {
  const { module, fileName, shards, workers, image, moduleImage, share, namespace, deadlineSeconds } = options;
  const sha256 = createHash("sha256").update(module).digest("hex");
  const base = fileName.replace(/\.wasm$/, "");
  const name = `fuzz-${base}-${sha256.slice(0, 12)}`;
  // the index of a pod comes behind the name of the Job, and both have to fit into a host name
  if (!isLabelName(`${name}-${shards}`)) throw refusedName("module", base);
  if (namespace !== undefined && !isLabelName(namespace)) throw refusedName("--namespace", namespace);
  if (image === "" || /\s/.test(image)) throw refusal(`"${image}" is no image`);
  if (moduleImage === undefined && module.length > sizeLimits.configMap) {
    throw refusal(
      `${fileName} has ${module.length} bytes, and a ConfigMap holds ${sizeLimits.configMap}: bring it as an image (pwh deploy oci) with --module-image`,
    );
  }
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const labels = { "app.kubernetes.io/name": "proxy-wasm-harness", "app.kubernetes.io/component": "fuzz" };
  const configMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { ...metadata, labels },
    immutable: true,
    binaryData: { [fileName]: Buffer.from(module).toString("base64") },
  };
  const file = `${moduleFolder}/${moduleImage === undefined ? fileName : "plugin.wasm"}`;
  const place = "claim" in share ? shareFolder : share.bucket;
  const own = [`--shard=job/${shards}`, `--workers=${workers}`, `--share=${place}`];
  const args = ["fuzz", file, ...options.options, ...own].map((one) => one.replaceAll("$(", () => "$$("));
  const resources = { cpu: String(workers), memory: options.memory ?? `${256 + 512 * workers}Mi` };
  const job = manifest({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { ...metadata, labels, annotations: { "proxy-wasm-harness/module-sha256": sha256 } },
    spec: {
      completionMode: "Indexed",
      completions: shards,
      parallelism: shards,
      backoffLimitPerIndex: 2,
      podFailurePolicy: {
        rules: [
          {
            action: "FailIndex",
            onExitCodes: { containerName: "fuzz", operator: "In", values: [1, 2] },
          },
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        ],
      },
      activeDeadlineSeconds: deadlineSeconds,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            fsGroup: 1000,
            seccompProfile: { type: "RuntimeDefault" },
          },
          containers: [
            {
              name: "fuzz",
              image,
              command: ["pwh"],
              args,
              ...("claim" in share
                ? {}
                : { env: bucketVariables(share), envFrom: [{ secretRef: { name: share.secret } }] }),
              resources: { requests: resources, limits: resources },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [
                { name: "module", mountPath: moduleFolder, readOnly: true },
                ...("claim" in share ? [{ name: "share", mountPath: shareFolder }] : []),
              ],
            },
          ],
          volumes: [
            moduleImage === undefined
              ? { name: "module", configMap: { name } }
              : { name: "module", image: { reference: moduleImage, pullPolicy: "IfNotPresent" } },
            ...("claim" in share ? [{ name: "share", persistentVolumeClaim: { claimName: share.claim } }] : []),
          ],
        },
      },
    },
  });
  if ("claim" in share && !isSubdomain(share.claim)) throw refusedName("--share-claim", share.claim);
  if ("secret" in share && !isSubdomain(share.secret)) throw refusedName("--share-secret", share.secret);
  comment(
    job,
    ["spec"],
    "podFailurePolicy",
    "exit code 1 is a finding, 2 a wrong command: to try again would not change it",
  );
  comment(job, ["spec"], "backoffLimitPerIndex", "Kubernetes 1.29 and newer; what a node lost is tried again");
  return moduleImage === undefined ? `${yaml(configMap)}---\n${text(job)}` : text(job);
}

/** What the Secret need not have. */
function bucketVariables({ endpoint, region }: { readonly endpoint?: string; readonly region?: string }): object[] {
  return [
    ...(endpoint === undefined ? [] : [{ name: "AWS_ENDPOINT_URL", value: endpoint }]),
    ...(region === undefined ? [] : [{ name: "AWS_REGION", value: region }]),
  ];
}

export interface FuzzWorkflowOptions extends FuzzShards {
  /** The module's path in the repository, or where `build` puts it. */
  readonly file: string;
  /** A command that builds the module, before all else. */
  readonly build?: string;
}

/**
 * A workflow of GitHub Actions: a matrix of shards, each with its part of the runs; a last job merges what they found, and fails
 * when they found something.
 *
 * @throws {HarnessError} OPTION_INVALID
 */
export function fuzzWorkflow({ file, fileName, options, shards, workers, build }: FuzzWorkflowOptions): string {
  if (shards > 256) throw refusal(`${shards} shards are more than the 256 jobs of a matrix`);
  const setUp = [
    { uses: "actions/checkout@v4" },
    { uses: "actions/setup-node@v4", with: { "node-version": 22 } },
    { run: "npm ci" },
    ...(build === undefined ? [] : [{ run: build }]),
  ];
  const own = ["--shard", `\${{ matrix.shard }}/${shards}`, "--workers", String(workers), "--share", "share"];
  const command = ["npx", "pwh", "fuzz", ...[file, ...options].map(shellWord), ...own].join(" ");
  const workflow = manifest({
    name: `fuzz ${fileName}`,
    on: { workflow_dispatch: {}, schedule: [{ cron: "17 3 * * *" }] },
    permissions: { contents: "read" },
    jobs: {
      fuzz: {
        "runs-on": "ubuntu-latest",
        strategy: { "fail-fast": false, matrix: { shard: Array.from({ length: shards }, (_, i) => i + 1) } },
        steps: [
          ...setUp,
          { run: command },
          {
            uses: "actions/upload-artifact@v4",
            if: "always()",
            with: { name: "share-${{ matrix.shard }}", path: "share" },
          },
        ],
      },
      merge: {
        "runs-on": "ubuntu-latest",
        needs: "fuzz",
        if: "${{ !cancelled() }}",
        steps: [
          ...setUp.slice(0, 3),
          { uses: "actions/download-artifact@v4", with: { path: "shares", pattern: "share-*" } },
          { run: "npx pwh fuzz merge shares/* -o share" },
          { uses: "actions/upload-artifact@v4", if: "always()", with: { name: "share", path: "share" } },
        ],
      },
    },
  });
  comment(workflow, ["jobs", "fuzz", "strategy"], "fail-fast", "a shard with findings does not end the others");
  return text(workflow);
}

/** One word of a shell's line, in which GitHub finds no expression. */
function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  const quoted = word.replaceAll("'", () => `'\\''`).replaceAll("${{", () => "$''{{");
  return `'${quoted}'`;
}
