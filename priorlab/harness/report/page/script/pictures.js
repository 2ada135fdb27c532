// The pictures of the page: decoded when they are first looked at, and kept as long as there is room.

const decoded = new Map(); // name -> promise of a picture
const ROOM = 96; // pictures that are kept
const arriving = new Map(); // name -> what to do with the text of a picture that is in a file

// A page from disk may read no files but scripts, so a picture in a file is a call of this.
window.priorlabPicture = (name, text) => arriving.get(name)?.(text);

function textOf(name) {
  const element = byId(name);
  if (element) return Promise.resolve(element.textContent);
  return new Promise((resolve, reject) => {
    const script = make("script", { src: `${encodeURIComponent(data.folder)}/${name}.js` });
    arriving.set(name, resolve);
    script.onerror = () => reject(new Error(`${data.folder}/${name}.js cannot be read`));
    script.onload = () => {
      arriving.delete(name);
      script.remove();
    };
    document.head.append(script);
  });
}

/** A picture: its width, height, pixels (RGBA), whether it is gray, and a canvas to draw from. */
async function decode(name) {
  const text = await textOf(name);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const type = text.startsWith("iVBOR") ? "image/png" : "image/webp";
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), {
    colorSpaceConversion: "none", // numbers are compared, so they have to stay what they are
    premultiplyAlpha: "none",
  });
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { width, height } = canvas;
  const pixels = pen.getImageData(0, 0, width, height).data;
  let gray = true;
  for (let i = 0; gray && i < pixels.length; i += 4) {
    gray = pixels[i] === pixels[i + 1] && pixels[i] === pixels[i + 2];
  }
  return { name, width, height, pixels, gray, canvas };
}

/** Promise a picture by its name; null for one that there is not. */
function pictureOf(name) {
  if (!name) return Promise.resolve(null);
  const known = decoded.get(name) ?? decode(name).catch(() => null);
  decoded.delete(name);
  decoded.set(name, known); // the latest is the last to go
  if (decoded.size > ROOM) decoded.delete(decoded.keys().next().value);
  return known;
}
