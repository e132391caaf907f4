/** `postgres://user:password@`, the hosts, and the rest of a URL. */
const URL_PARTS = /^(postgres(?:ql)?:\/\/(?:[^/?#@]*@)?)([^/?#@]*)(.*)$/s;

/** One URL for each host of a URL that names several, as `postgres://user@one:5432,two:5433/database`. */
export function serversOf(url: string): readonly [string, ...string[]] {
  const [, before, hosts, after] = URL_PARTS.exec(url) ?? [];
  if (before === undefined || hosts === undefined || after === undefined) return [url];
  const [first = '', ...others] = hosts.split(',');
  const of = (host: string): string => `${before}${host}${after}`;
  return [of(first), ...others.map(of)];
}
