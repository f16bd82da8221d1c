// Shapes on a canvas.

/** Paint shapes, each with its stroke below its fill, so that a casing does not narrow what it parts. */
export function paintShapes(context, shapes) {
  context.lineJoin = "round";
  for (const shape of shapes) {
    context.globalAlpha = shape.alpha;
    context.beginPath();
    if (shape.type === "rect") context.rect(shape.x, shape.y, shape.w, shape.h);
    else if (shape.type === "circle") context.arc(shape.x, shape.y, shape.r, 0, 2 * Math.PI);
    else if (shape.type === "loops") {
      for (const loop of shape.loops) {
        context.moveTo(...loop[0]);
        for (const [x, y] of loop) context.lineTo(x, y);
        context.closePath();
      }
    } else {
      for (const [x, y] of shape.points) context.lineTo(x, y);
      context.closePath();
    }
    if (shape.stroke) {
      context.strokeStyle = shape.stroke;
      context.lineWidth = shape.fill ? 2 * shape.width : shape.width;
      context.setLineDash(shape.dash ?? []);
      context.stroke();
    }
    if (shape.fill) {
      context.fillStyle = shape.fill;
      context.fill();
    }
  }
  context.globalAlpha = 1;
}
