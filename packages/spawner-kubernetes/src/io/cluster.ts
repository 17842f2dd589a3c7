import { KubeConfig } from '@kubernetes/client-node';

/** Where the cluster is. All unset: `KUBECONFIG`, `~/.kube/config`, or the service account of the Pod that this runs in. */
export interface KubernetesCluster {
  /** `https://host:port` of the API; `http:` is for a proxy on this machine (`kubectl proxy`), and takes no token. */
  readonly server?: string;
  /** Bearer token, with `server`. */
  readonly token?: string;
  /** PEM of whoever signed the server's certificate, with `server`. */
  readonly ca?: string;
  /** Path of a kubeconfig file, and the context in it. Default: its current one. */
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** Throws Error when there is no such file or context, or a token would go unencrypted. */
export function kubeConfigOf(cluster: KubernetesCluster = {}): KubeConfig {
  const { server, token, ca, kubeconfig, context } = cluster;
  const config = new KubeConfig();
  if (server !== undefined) {
    const isPlain = server.startsWith('http:');
    if (isPlain && token !== undefined)
      throw new Error('cluster.token would be readable on the way: give cluster.server as https:');
    config.loadFromOptions({
      clusters: [
        {
          name: 'cluster',
          server,
          // Of a connection without TLS the client asks for this word.
          skipTLSVerify: isPlain,
          ...(ca === undefined ? {} : { caData: Buffer.from(ca).toString('base64') }),
        },
      ],
      users: [{ name: 'user', ...(token === undefined ? {} : { token }) }],
      contexts: [{ name: 'context', cluster: 'cluster', user: 'user' }],
      currentContext: 'context',
    });
    return config;
  }
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  if (context !== undefined) {
    if (config.getContextObject(context) === null)
      throw new Error(
        `cluster.context "${context}" is not in the kubeconfig; it has ${config.contexts.map(({ name }) => name).join(', ')}`,
      );
    config.setCurrentContext(context);
  }
  return config;
}

/** That of the context, else `default`. */
export function namespaceOf(config: KubeConfig): string {
  return config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
}
