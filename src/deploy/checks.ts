import { HarnessError } from "../errors.js";
import { isLabelName, isSubdomain } from "../manifest/names.js";

export const refusedName = (what: string, name: string): HarnessError =>
  refusal(
    `${what} "${name}" makes no name that Kubernetes takes: lower-case letters, digits and "-", a letter or digit at both ends; "." only in names of objects; not too long`,
  );

export const refusal = (why: string): HarnessError =>
  new HarnessError("OPTION_INVALID", `Cannot write manifests: ${why}`);

/** @throws {HarnessError} OPTION_INVALID for names of objects and namespaces that Kubernetes refuses. */
export function checkNames({
  name,
  namespace,
}: {
  readonly name: string;
  readonly namespace: string | undefined;
}): void {
  if (!isSubdomain(name)) throw refusedName("the name", name);
  if (namespace !== undefined && !isLabelName(namespace)) throw refusedName("--namespace", namespace);
}

/** @throws {HarnessError} OPTION_INVALID */
export function checkPort(port: number | undefined): void {
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw refusal(`${port} is no port: ports are 1 to 65535`);
}
