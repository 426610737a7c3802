// Writes a text into code of another language, so that it means the same there.

/** In JavaScript, between single quotes. @param {string} text */
export const js = (text) => `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;

/** In a shell, between single quotes. @param {string} text */
export const sh = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** In HTML, as the value of an attribute. @param {string} text */
export const attribute = (text) => `"${text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`;

/** A key of an object in JavaScript. @param {string} name */
export const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : js(name));
