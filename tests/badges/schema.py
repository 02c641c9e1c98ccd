"""What Open Badges 3.0 demands of an AchievementCredential, class by class, as a JSON Schema.

In our own words; standard/README.md names the source and the one difference from it.
"""

from typing import Any

IDENTIFIERS = (
    "name sourcedId systemId productId userName accountId emailAddress nationalIdentityNumber isbn issn lisSourcedId "
    "oneRosterSourcedId sisSourcedId ltiContextId ltiDeploymentId ltiToolId ltiPlatformId ltiUserId identifier"
)
ACHIEVEMENTS = (
    "Achievement ApprenticeshipCertificate Assessment Assignment AssociateDegree Award Badge BachelorDegree Certificate "
    "CertificateOfCompletion Certification CommunityService Competency Course CoCurricular Degree Diploma DoctoralDegree "
    "Fieldwork GeneralEducationDevelopment JourneymanCertificate LearningProgram License Membership "
    "ProfessionalDoctorate QualityAssuranceCredential MasterCertificate MasterDegree MicroCredential ResearchDoctorate "
    "SecondarySchoolDiploma"
)
TARGETS = "ceasn:Competency ceterms:Credential CFItem CFRubric CFRubricCriterion CFRubricCriterionLevel CTDL"
RESULTS = (
    "GradePointAverage LetterGrade Percent PerformanceLevel PredictedScore RawScore Result RubricCriterion "
    "RubricCriterionLevel RubricScore ScaledScore Status"
)
STATUSES = "Completed Enrolled Failed InProgress OnHold Withdrew"

TEXT: dict[str, Any] = {"type": "string"}


def one_of(words: str) -> dict[str, Any]:
    """One of these words."""
    return {"enum": words.split()}


def extensible(words: str) -> dict[str, Any]:
    """One of these words, or one of somebody's own with `ext:`."""
    return {"anyOf": [one_of(words), TEXT | {"pattern": "ext:[A-Za-z0-9_.|]"}]}


KINDS: dict[str, dict[str, Any]] = {
    "Text": TEXT,
    "Types": {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]},
    "Contexts": {"type": "array", "items": {"type": ["object", "string"]}, "minItems": 1},
    "Number": {"type": "number"},
    "Truth": {"type": "boolean"},
    "Moment": TEXT | {"format": "date-time"},
    "Day": TEXT | {"format": "date"},
    "Jws": TEXT | {"pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$"},
    "Language": TEXT | {"pattern": r"^[a-z]{2,4}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-[0-9]{3})?$"},
    "IdentifierType": extensible(IDENTIFIERS),
    "AchievementType": extensible(ACHIEVEMENTS),
    "TargetType": extensible(TARGETS),
    "ResultType": extensible(RESULTS),
    "ResultStatus": one_of(STATUSES),
}
"""What a property can be, besides one of the classes."""

VERIFIABLE = {
    "Contexts": "@context!",
    "Types": "type!",
    "Profile": "issuer!",
    "Moment": "validFrom! validUntil awardedDate",
    "CredentialStatus": "credentialStatus",
    "RefreshService": "refreshService",
    "Proof|[]": "proof",
    "CredentialSchema|[]": "credentialSchema",
    "TermsOfUse|[]": "termsOfUse",
}
NAMED = {"Text": "id! type!"}

CLASSES: dict[str, dict[str, str]] = {
    "AchievementCredential": VERIFIABLE
    | {
        "Text": "id! name description",
        "Image": "image",
        "AchievementSubject": "credentialSubject!",
        "EndorsementCredential[]": "endorsement",
        "Jws[]": "endorsementJwt",
        "Evidence[]": "evidence",
    },
    "EndorsementCredential": VERIFIABLE
    | {"Text": "id! name! description", "EndorsementSubject": "credentialSubject!"},
    "EndorsementSubject": {"Text": "id! endorsementComment", "Types": "type!"},
    "AchievementSubject": {
        "Text": "id licenseNumber narrative role term",
        "Types": "type!",
        "Moment": "activityStartDate activityEndDate",
        "Number": "creditsEarned",
        "Achievement": "achievement!",
        "IdentityObject[]": "identifier",
        "Image": "image",
        "Result[]": "result",
        "Profile": "source",
    },
    "Achievement": {
        "Text": "id! name! description! fieldOfStudy humanCode specialization version",
        "Types": "type!",
        "Text[]": "tag",
        "Number": "creditsAvailable",
        "Language": "@language",
        "AchievementType": "achievementType",
        "Criteria": "criteria!",
        "Profile": "creator",
        "Image": "image",
        "Alignment[]": "alignment",
        "EndorsementCredential[]": "endorsement",
        "Jws[]": "endorsementJwt",
        "IdentifierEntry[]": "otherIdentifier",
        "Related[]": "related",
        "ResultDescription[]": "resultDescription",
    },
    "Profile": {
        "Text": "id! name url phone description email official familyName givenName additionalName patronymicName "
        "honorificPrefix honorificSuffix familyNamePrefix",
        "Types": "type!",
        "Day": "dateOfBirth",
        "Image": "image",
        "Address": "address",
        "Profile": "parentOrg",
        "EndorsementCredential[]": "endorsement",
        "Jws[]": "endorsementJwt",
        "IdentifierEntry[]": "otherIdentifier",
    },
    "Address": {
        "Text": "addressCountry addressCountryCode addressRegion addressLocality streetAddress postOfficeBoxNumber "
        "postalCode",
        "Types": "type!",
        "GeoCoordinates": "geo",
    },
    "GeoCoordinates": {"Text": "type!", "Number": "latitude! longitude!"},
    "Alignment": {
        "Text": "targetName! targetUrl! targetCode targetDescription targetFramework",
        "Types": "type!",
        "TargetType": "targetType",
    },
    "Criteria": {"Text": "id narrative"},
    "Evidence": {"Text": "id narrative name description genre audience", "Types": "type!"},
    "Related": {"Text": "id! version", "Types": "type!", "Language": "@language"},
    "Result": {
        "Text": "achievedLevel resultDescription value",
        "Types": "type!",
        "ResultStatus": "status",
        "Alignment[]": "alignment",
    },
    "ResultDescription": {
        "Text": "id! name! requiredLevel requiredValue valueMax valueMin",
        "Types": "type!",
        "Text[]": "allowedValue",
        "ResultType": "resultType!",
        "Alignment[]": "alignment",
        "RubricCriterionLevel[]": "rubricCriterionLevel",
    },
    "RubricCriterionLevel": {
        "Text": "id! name! description level points",
        "Types": "type!",
        "Alignment[]": "alignment",
    },
    "Image": NAMED | {"Text": "id! type! caption"},
    "IdentityObject": {
        "Text": "type! identityHash! salt",
        "Truth": "hashed!",
        "IdentifierType": "identityType!",
    },
    "IdentifierEntry": {"Text": "type! identifier!", "IdentifierType": "identifierType!"},
    "Proof": {
        "Text": "type! cryptosuite challenge domain nonce proofPurpose proofValue verificationMethod",
        "Moment": "created",
    },
    "CredentialSchema": NAMED,
    "CredentialStatus": NAMED,
    "RefreshService": NAMED,
    "TermsOfUse": {"Text": "type! id"},
}
"""The properties of each class by what they are; `!` must be there, `[]` is a list, `|[]` one or a list."""

CLOSED = {"Image", "IdentityObject", "IdentifierEntry"}
"""Classes that may hold nothing else."""


def of_kind(kind: str) -> dict[str, Any]:
    """The schema of a property."""
    name = kind.removesuffix("[]").removesuffix("|")
    single = {"$ref": f"#/$defs/{name}"}
    several = {"type": "array", "items": single}
    if kind.endswith("|[]"):
        return {"oneOf": [single, several]}
    return several if kind.endswith("[]") else single


def of_class(name: str) -> dict[str, Any]:
    """The schema of a class."""
    listed = [(told, kind) for kind, names in CLASSES[name].items() for told in names.split()]
    return {
        "type": "object",
        "properties": {told.removesuffix("!"): of_kind(kind) for told, kind in listed},
        "required": [told.removesuffix("!") for told, _ in listed if told.endswith("!")],
        "additionalProperties": name not in CLOSED,
    }


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "$ref": "#/$defs/AchievementCredential",
    "$defs": KINDS | {name: of_class(name) for name in CLASSES},
}
