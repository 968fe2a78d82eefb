"""The CRD service, room by room. To find a line, ask "who says so?"; imports only go down this list.

`__main__`, `cli`   the `crd` command
`app`               the only place that joins the parts
`web`               how others reach us
`pipeline`          THE STORY: from a hook call to its answer
`policy`, `ehr`     what the payer says; what the EHR says
`audit`             what we said
`crd`               what the CRD guide says
`cds_hooks`         what CDS Hooks says
`fhir`              what FHIR says
`errors`, `settings`
"""
