"""define.xml 2.0 of some datasets: what each holds, where its values come from, and what is not there.

Every variable and dataset is described as in the files; a comment of each dataset names the variables that
the standard asks for and the run cannot fill. Code lists are not written.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from insulae.interop.dataset import REFERENCE_DATE, Dataset, Variable, length
from insulae.study.results import SIMULATED

ODM = "http://www.cdisc.org/ns/odm/v1.3"
DEFINE = "http://www.cdisc.org/ns/def/v2.0"
XLINK = "http://www.w3.org/1999/xlink"
STANDARDS = {"SDTM": ("SDTM-IG", "3.3"), "ADaM": ("ADaM-IG", "1.1")}
CLASSES = {
    "DM": "SPECIAL PURPOSE",
    "EX": "INTERVENTIONS",
    "CM": "INTERVENTIONS",
    "LB": "FINDINGS",
    "VS": "FINDINGS",
    "AE": "EVENTS",
    "DS": "EVENTS",
    "ADSL": "SUBJECT LEVEL ANALYSIS DATASET",
    "ADLB": "BASIC DATA STRUCTURE",
    "ADEFF": "BASIC DATA STRUCTURE",
    "ADTTE": "BASIC DATA STRUCTURE",
    "ADAE": "OCCURRENCE DATA STRUCTURE",
}
ONE_ROW = ("DM", "ADSL")
ASKED_FOR = {"Req": "Required", "Exp": "Expected", "Cond": "Conditional"}
GENERAL = (
    f"{SIMULATED} Nobody here was observed. The same simulated people live through every arm: a person is "
    "one subject in each, and the same number after ARM1-, ARM2- is the same person, so arms are paired, "
    f"not independent and not randomized. Enrollment is day 1 on {REFERENCE_DATE}, a made-up date."
)
NOTES = {
    "EX": "Therapies as the study file states them, a row each, not single doses as taken.",
    "CM": "Therapies begun before enrollment, as the study file states them.",
    "AE": "AEDECOD is the term of the table of adverse events of Insulae, not coded with MedDRA; AEREL names "
    "the therapy, or what else the event was drawn from. What outlasts participation is not resolved.",
    "ADEFF": "Endpoints computed by Insulae at each visit; of yes or no, AVAL is 100 or 0.",
}


def define_xml(made: Sequence[Dataset], study_id: str, title: str, created: str) -> bytes:
    """Return define.xml for the datasets of one standard."""
    for prefix, uri in (("", ODM), ("def", DEFINE), ("xlink", XLINK)):
        ET.register_namespace(prefix, uri)
    standard = made[0].standard
    file = {"ODMVersion": "1.3.2", "FileType": "Snapshot", "FileOID": f"{study_id}.{standard}"}
    root = ET.Element(_odm("ODM"), file | {"CreationDateTime": created, "Originator": "Insulae"})
    study = ET.SubElement(root, _odm("Study"), OID=study_id)
    about = ET.SubElement(study, _odm("GlobalVariables"))
    for tag, text in (("StudyName", study_id), ("StudyDescription", title), ("ProtocolName", study_id)):
        ET.SubElement(about, _odm(tag)).text = text
    name, version = STANDARDS[standard]
    facts = {"OID": f"MDV.{standard}", "Name": f"{study_id} {standard}", "Description": GENERAL}
    stated = {"DefineVersion": "2.0.0", "StandardName": name, "StandardVersion": version}
    facts |= {_def(key): value for key, value in stated.items()}
    content = ET.SubElement(study, _odm("MetaDataVersion"), facts)
    for one in made:
        _group(content, one)
    for one in made:
        for variable in one.variables:
            _item(content, one, variable)
    for one in made:
        _comment(content, one)
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _odm(tag: str) -> str:
    return f"{{{ODM}}}{tag}"


def _def(tag: str) -> str:
    return f"{{{DEFINE}}}{tag}"


def _describe(parent: ET.Element, text: str) -> None:
    words = ET.SubElement(ET.SubElement(parent, _odm("Description")), _odm("TranslatedText"))
    words.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
    words.text = text


def _group(content: ET.Element, made: Dataset) -> None:
    is_one = made.name in ONE_ROW
    facts = {
        "OID": f"IG.{made.name}",
        "Name": made.name,
        "Repeating": "No" if is_one else "Yes",
        "IsReferenceData": "No",
        "SASDatasetName": made.name,
        "Purpose": "Tabulation" if made.standard == "SDTM" else "Analysis",
        _def("Structure"): "One record per subject" if is_one else "Several records per subject",
        _def("Class"): CLASSES[made.name],
        _def("CommentOID"): f"COM.{made.name}",
        _def("ArchiveLocationID"): f"LF.{made.name}",
    }
    facts |= {"Domain": made.name} if made.standard == "SDTM" else {}
    group = ET.SubElement(content, _odm("ItemGroupDef"), facts)
    _describe(group, made.label)
    for number, variable in enumerate(made.variables, start=1):
        item = {"ItemOID": f"IT.{made.name}.{variable.variable}", "OrderNumber": str(number)}
        item |= {"Mandatory": "Yes" if variable.core == "Req" else "No"}
        if variable.variable in made.keys:
            item |= {"KeySequence": str(made.keys.index(variable.variable) + 1)}
        ET.SubElement(group, _odm("ItemRef"), item)
    leaf = ET.SubElement(group, _def("leaf"), {"ID": f"LF.{made.name}"})
    leaf.set(f"{{{XLINK}}}href", f"{made.name.lower()}.xpt")
    ET.SubElement(leaf, _def("title")).text = f"{made.name.lower()}.xpt"


def _item(content: ET.Element, made: Dataset, variable: Variable) -> None:
    kind = {"char": "text", "date": "integer", "int": "integer"}.get(variable.type, "float")
    facts = {"OID": f"IT.{made.name}.{variable.variable}", "Name": variable.variable, "DataType": kind}
    facts |= {"Length": str(length(made, variable)), "SASFieldName": variable.variable}
    if kind == "float":
        facts |= {"SignificantDigits": "6"}
    if variable.variable.endswith("DTC"):
        facts = {k: v for k, v in facts.items() if k != "Length"} | {"DataType": "date"}
    if variable.type == "date":
        facts |= {_def("DisplayFormat"): "DATE9."}
    item = ET.SubElement(content, _odm("ItemDef"), facts)
    _describe(item, variable.label)
    ET.SubElement(item, _def("Origin"), Type="Assigned" if made.standard == "SDTM" else "Derived")


def _comment(content: ET.Element, made: Dataset) -> None:
    """Say that the dataset is simulated, what to know of it, and what is missing."""
    missing = [
        f"{words} but not held by the run: {', '.join(names)}."
        for core, words in ASKED_FOR.items()
        if (names := [v.variable for v in made.absent if v.core == core])
    ]
    comment = ET.SubElement(content, _def("CommentDef"), OID=f"COM.{made.name}")
    _describe(comment, " ".join(filter(None, ["Simulated.", NOTES.get(made.name, ""), *missing])))
