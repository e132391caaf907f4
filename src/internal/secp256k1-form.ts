const PUBLIC_KEY = /^0[23][0-9a-f]{64}$/;

/** Whether a text has the form of a compressed public key in lower-case hex (SEC 1, section 2.3.3). */
export function hasPublicKeyForm(text: string): boolean {
  return PUBLIC_KEY.test(text);
}
