const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** A DNS-1123 subdomain, as most objects of Kubernetes are named. */
export const isSubdomain = (name: string): boolean => name.length <= 253 && subdomain.test(name);

/** A DNS-1123 label, as namespaces and volumes are named. */
export const isLabelName = (name: string): boolean => name.length <= 63 && label.test(name);
