import type { JsonObject } from "./documents.js";

/** What Istio takes a Service's port for. Of `tcp`, TLS and databases too, no HTTP filter is told. */
export type PortProtocol = "http" | "grpc-web" | "tcp" | "udp" | "told by the bytes";

/** Ports where the server speaks first: nothing is told by the bytes there. */
const serverFirst = new Set<unknown>([25, 53, 3306, 27_017]);
const ofHttp = new Set(["http", "http2", "grpc", "http_proxy"]);
const ofTcp = new Set(["tcp", "https", "tls", "mongo", "redis", "mysql"]);

/**
 * As istiod reads `appProtocol`, else the part of the name before the hyphen; recorded in
 * test/recordings/manifests/deploy-chains.jsonl.
 *
 * @param port One of a Service's `spec.ports`.
 */
export function portProtocol({ protocol, appProtocol, name, port }: JsonObject): PortProtocol {
  if (protocol === "UDP") return "udp";
  if (appProtocol === "kubernetes.io/h2c" || appProtocol === "kubernetes.io/ws") return "http";
  if (appProtocol === "kubernetes.io/wss") return "tcp";
  const said = String(appProtocol ?? name ?? "");
  if (/^grpc-web/i.test(said)) return "grpc-web";
  const word = said.split("-")[0]!.toLowerCase();
  if (ofHttp.has(word)) return "http";
  if (word === "udp") return "udp";
  return ofTcp.has(word) || serverFirst.has(port) ? "tcp" : "told by the bytes";
}
