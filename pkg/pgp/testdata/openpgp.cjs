// Reads what package pgp has written to the working directory, with OpenPGP.js,
// and writes what the package is to read. Its one argument is the time of all.
const { readFileSync, writeFileSync } = require("node:fs");
const pgp = require("openpgp");

const date = new Date(process.argv[2]);
const read = (name) => new Uint8Array(readFileSync(name));

async function main() {
  const passphrase = readFileSync("passphrase", "utf8");
  const sender = await pgp.readKey({ binaryKey: read("a.cert") });
  const keys = [];
  for (const name of ["b.locked", "b.exported"]) {
    const privateKey = await pgp.readPrivateKey({ binaryKey: read(name) });
    keys.push(await pgp.decryptKey({ privateKey, passphrase }));
  }
  const [own] = keys;

  const detached = await pgp.verify({
    message: await pgp.createMessage({ binary: read("plain") }),
    signature: await pgp.readSignature({ binarySignature: read("sig") }),
    verificationKeys: sender, expectSigned: true, format: "binary", date,
  });
  await detached.signatures[0].verified;

  const opened = await pgp.decrypt({
    message: await pgp.readMessage({ binaryMessage: read("sealed") }),
    decryptionKeys: own, verificationKeys: sender, expectSigned: true, format: "binary", date,
  });
  await opened.signatures[0].verified;
  writeFileSync("opened", opened.data);

  const signatureNotations = [{
    name: "typ@entraide.example", value: new TextEncoder().encode(readFileSync("typ", "utf8")),
    humanReadable: true, critical: false,
  }];
  for (const [i, key] of keys.entries()) {
    writeFileSync(`b.sig.${i}`, await pgp.sign({
      message: await pgp.createMessage({ binary: read("plain") }),
      signingKeys: key, signatureNotations, detached: true, format: "binary", date,
    }));
  }
  writeFileSync("answer", await pgp.encrypt({
    message: await pgp.createMessage({ binary: read("plain"), date }),
    encryptionKeys: [sender, own.toPublic()], signingKeys: own, signatureNotations, format: "binary", date,
  }));
}

main().catch((err) => { console.error(err); process.exit(1); });
