throw new Error("A part of jco that this checkout leaves out was loaded");
