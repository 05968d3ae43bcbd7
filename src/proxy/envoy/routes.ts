import type { HeaderMap } from "../header-map.js";
import type { Route, RouteMatch, VirtualHost } from "./settings.js";

/** What a request was matched to. A virtual host without a route of its own that fits leaves `route` undefined. */
export interface RouteChoice {
  readonly virtualHost: VirtualHost;
  readonly route: Route | undefined;
}

/**
 * The first route of the best virtual host that fits. [E] RouteMatcher
 *
 * Without `x-forwarded-proto`, or without a path, nothing fits: a request whose headers a plugin wiped gets 404.
 */
export function chooseRoute(hosts: readonly VirtualHost[], headers: HeaderMap): RouteChoice | undefined {
  const virtualHost = hosts.length === 1 && hosts[0]!.domains[0] === "*" ? hosts[0]! : hostFor(hosts, headers);
  if (virtualHost === undefined) return undefined;
  const path = headers.first(":path");
  if (path === undefined || path === "" || headers.first("x-forwarded-proto") === undefined) {
    return { virtualHost, route: undefined };
  }
  return { virtualHost, route: virtualHost.routes.find(({ match }) => fits(match, path, headers)) };
}

function hostFor(hosts: readonly VirtualHost[], headers: HeaderMap): VirtualHost | undefined {
  const authority = (headers.first(":authority") ?? "").toLowerCase().replace(/:\d+$/, "");
  const score = (domain: string): number => {
    if (domain === authority) return Infinity;
    if (domain === "*") return 0;
    const rest = domain.length - 1;
    if (domain.startsWith("*"))
      return authority.endsWith(domain.slice(1)) && authority.length > rest ? 1000 + rest : -1;
    return domain.endsWith("*") && authority.startsWith(domain.slice(0, -1)) && authority.length > rest ? rest : -1;
  };
  let best: VirtualHost | undefined;
  let bestScore = -1;
  for (const host of hosts) {
    for (const domain of host.domains) {
      const points = score(domain.toLowerCase());
      if (points > bestScore) [best, bestScore] = [host, points];
    }
  }
  return best;
}

function fits(match: RouteMatch, path: string, headers: HeaderMap): boolean {
  if (match.prefix !== undefined && !path.startsWith(match.prefix)) return false;
  if (match.path !== undefined && path.split("?", 1)[0] !== match.path) return false;
  if (match.regex !== undefined && match.regex.exec(path.split("?", 1)[0]!)?.[0] !== path.split("?", 1)[0])
    return false;
  return (match.headers ?? []).every(({ name, exact, present, invert = false }) => {
    const values = headers.getAll(name);
    const value = values.length === 0 ? undefined : values.join(",");
    const holds = exact === undefined ? (value !== undefined) === (present ?? true) : value === exact;
    return holds !== invert;
  });
}
