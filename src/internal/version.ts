/** Version of the package; a test compares it with package.json. A bundle has no package.json beside it. */
export const VERSION = '0.1.0';
