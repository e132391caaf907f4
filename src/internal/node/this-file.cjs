// The file that this code has come into; null in a bundle that is an ES module. It is CommonJS, since test runners compile
// the rest to that, where there is no `import.meta`. The build copies it.
module.exports = typeof __filename === 'string' ? __filename : null;
