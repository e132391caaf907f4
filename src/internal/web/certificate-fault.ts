/** Nothing: browsers don't tell scripts why a connection failed. */
export function certificateFault(): null {
  return null;
}

/** As there is no fault, nothing is missing. */
export function isAuthorityMissing(): boolean {
  return false;
}
