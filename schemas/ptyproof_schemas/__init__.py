"""The JSON Schemas of ptyproof, as files beside this module; `ptyproof.io.schema_files` reads them."""
