import type { Path } from "../../manifest/documents.js";
import { valueAt } from "../../manifest/documents.js";
import { didYouMean } from "../../abi/nearest.js";
import type { LintContext, PatchPlace } from "../context.js";
import { selectorOf } from "../context.js";
import { mountsOfDeployment } from "../mounts.js";
import type { Rule } from "../rule.js";
import { draft, replaceValue, shown } from "../rule.js";
import type { ServicePort } from "../workloads.js";
import { containerPorts, portsOf, servicePortsOf, workloadsOf } from "../workloads.js";

const contexts = ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "ANY"];

interface PortPlace extends PatchPlace {
  readonly portPath: Path;
  readonly port: number;
}

/** Patches with a port of a listener. */
function portPlaces(context: LintContext): PortPlace[] {
  return context.patches.flatMap((patch) => {
    const port = valueAt(patch.value, ["match", "listener", "portNumber"]);
    if (typeof port !== "number") return [];
    return [{ ...patch, port, portPath: [...patch.path, "match", "listener", "portNumber"] }];
  });
}

const valid = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535;
const isOurs = (port: number): boolean => valid(port) && (port < 15_000 || port > 15_099);

export const portRules: readonly Rule[] = [
  {
    id: "M-P1",
    severity: "error",
    title: "A port is 1 to 65535",
    why: "Istio accepts others and matches nothing.",
    fix: "Write the port of the container (inbound), the Service (outbound) or the gateway's listener.",
    *check(context) {
      for (const { document, port, portPath } of portPlaces(context)) {
        if (valid(port) || port === 0) continue; // 0 is as absent
        yield draft(document, portPath, `portNumber ${port} is out of range (1 to 65535): it matches nothing`);
      }
    },
  },
  {
    id: "M-P2",
    severity: "warning",
    title: "A port is the application's, not one of the sidecar's own (15000 to 15099)",
    why: "The filter chain of a sidecar is found by the container's port: 15006 matches nothing.",
    fix: "Use the container port of the application.",
    *check(context) {
      for (const { document, port, portPath, applyTo } of portPlaces(context)) {
        if (!valid(port) || isOurs(port) || applyTo !== "HTTP_FILTER") continue;
        const message = `portNumber ${port} is the sidecar's own port; use the container port of the application`;
        yield draft(document, portPath, message);
      }
    },
  },
  {
    id: "M-P3",
    severity: "error",
    title: "An inbound port is a container port, an outbound port is a Service port",
    why: "Inbound filter chains are found by the Service's targetPort, outbound listeners by its port; another one matches nothing, and nobody tells.",
    fix: "Use the port named in the message. Without a Service or Deployment among the files this cannot be checked.",
    *check(context) {
      for (const { document, port, portPath, context: where } of portPlaces(context)) {
        if (!isOurs(port)) continue;
        if (where === "SIDECAR_INBOUND") {
          const services = servicePortsOf(context, document);
          const ports = containerPorts(context, workloadsOf(context, document)).map((one) => one.port);
          const targets = services.map(({ targetPort }) => targetPort);
          if (services.length > 0 ? targets.includes(port) : ports.includes(port)) continue;
          if (targets.includes(undefined) || (services.length === 0 && ports.length === 0)) {
            const message = `whether ${port} is the container's port cannot be told: give the Service or Deployment too`;
            yield draft(document, portPath, message, { severity: "information" });
            continue;
          }
          const service = services.find((one) => one.port === port);
          const known = [...new Set(services.length > 0 ? targets : ports)];
          const message =
            service === undefined
              ? `SIDECAR_INBOUND portNumber ${port} is no container port of the workload; there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`
              : `SIDECAR_INBOUND portNumber ${port} is the Service port; inbound matching uses the container port. Use ${service.targetPort} (targetPort of service/${service.serviceName})`;
          const edits =
            service?.targetPort === undefined ? [] : replaceValue(document, portPath, String(service.targetPort));
          yield draft(document, portPath, message, { edits });
        } else if (where === "SIDECAR_OUTBOUND") {
          const all = context.of("Service").length === 0 ? [] : allServicePorts(context);
          if (all.length === 0 || all.some((one) => one.port === port)) continue;
          const service = all.find(({ targetPort }) => targetPort === port);
          if (service === undefined) {
            yield draft(document, portPath, `no Service given has port ${port}`, { severity: "warning" });
          } else {
            const message = `SIDECAR_OUTBOUND portNumber ${port} is the container port; outbound matching uses the Service port. Use ${service.port} (service/${service.serviceName})`;
            yield draft(document, portPath, message, { edits: replaceValue(document, portPath, String(service.port)) });
          }
        }
      }
    },
  },
  {
    id: "M-P4",
    severity: "warning",
    title: "The Service port is declared as HTTP",
    why: "A port that is TCP by name or appProtocol has no HTTP connection manager: the patch matches nothing.",
    fix: "Name the port http, http2, grpc or http-…, or set appProtocol.",
    *check(context) {
      for (const { document, port, applyTo, context: where } of portPlaces(context)) {
        if (applyTo !== "HTTP_FILTER" || !where.startsWith("SIDECAR_")) continue;
        const inbound = where === "SIDECAR_INBOUND";
        for (const one of inbound ? servicePortsOf(context, document) : allServicePorts(context)) {
          if ((inbound ? one.targetPort : one.port) !== port || !isPlain(one)) continue;
          const unnamed = one.name === undefined ? "no name" : `name ${shown(one.name)}`;
          const shownName = one.appProtocol === undefined ? unnamed : `appProtocol ${shown(one.appProtocol)}`;
          const message = `port ${one.port} of service/${one.serviceName} is not declared as HTTP (${shownName}): without an HTTP connection manager the filter cannot be inserted`;
          yield draft(one.service, ["spec", "ports"], message);
        }
      }
    },
  },
  {
    id: "M-P5",
    severity: "error",
    title: "match.context is SIDECAR_INBOUND, SIDECAR_OUTBOUND, GATEWAY or ANY",
    why: "Others are refused; WAYPOINT has no effect in any istiod so far.",
    fix: "Write one of the four.",
    *check(context) {
      for (const { document, path, value } of context.patches) {
        const given = valueAt(value, ["match", "context"]);
        if (given === undefined || contexts.includes(String(given))) continue;
        const message = `context ${shown(given)}: use ${contexts.join(", ")}${didYouMean(String(given), contexts)}`;
        yield draft(document, [...path, "match", "context"], message);
      }
    },
  },
  {
    id: "M-P6",
    severity: "warning",
    title: "A port has a context",
    why: "A port means the container's inbound and the Service's outbound.",
    fix: "Set match.context.",
    *check(context) {
      for (const { document, portPath, context: where } of portPlaces(context)) {
        if (where === "ANY")
          yield draft(document, portPath, "portNumber means different things inbound and outbound; set match.context");
      }
    },
  },
  {
    id: "M-P7",
    severity: "error",
    title: "A gateway gets its module by its Deployment, not by annotations",
    why: "Gateway pods ignore sidecar.istio.io/userVolume: the file is not there and the listener is rejected.",
    fix: "Mount the volume in the gateway's Deployment, or with volumes and volumeMounts of the chart.",
    *check(context) {
      for (const { document, path, context: where } of context.patches) {
        if (where !== "GATEWAY" || !context.plugins.some(({ patch }) => patch?.document === document)) continue;
        const around = workloadsOf(context, document).map(mountsOfDeployment);
        const annotated = around.flatMap(({ mounts }) => mounts).some(({ origin }) => origin === "annotation");
        const mounted = around.flatMap(({ mounts }) => mounts).some(({ origin }) => origin === "pod");
        if (!annotated || mounted) continue;
        yield draft(
          document,
          [...path, "match", "context"],
          "gateway pods ignore sidecar.istio.io/userVolume; mount the module in the gateway's Deployment",
        );
      }
    },
  },
  {
    id: "M-P8",
    severity: "warning",
    title: "The port of a gateway is the one it listens on",
    why: "The stock ingress gateway's container listens on 8080 and 8443 behind the Service's 80 and 443.",
    fix: 'Use 8080 or 8443, or look with "istioctl proxy-config listener".',
    *check(context) {
      for (const { document, port, portPath, context: where } of portPlaces(context)) {
        const classic = selectorOf(document)?.labels["istio"] !== undefined;
        if (where !== "GATEWAY" || (port !== 80 && port !== 443) || !classic) continue;
        const message = `the stock ingress gateway listens on 8080/8443, not ${port}`;
        yield draft(document, portPath, message);
      }
    },
  },
];

const allServicePorts = (context: LintContext) => context.of("Service").flatMap((service) => portsOf(context, service));

/** Istio makes no HTTP connection manager for it. */
const isPlain = ({ protocol }: ServicePort): boolean => protocol === "tcp" || protocol === "udp";
